// Runs the audits of graphql-http against the server at URL and prints one line of JSON for each: node audit.mjs DIR URL, where
// DIR/node_modules has graphql-http.
import path from "node:path";
import { pathToFileURL } from "node:url";

const [dir, url] = process.argv.slice(2);
const { auditServer } = await import(pathToFileURL(path.join(dir, "node_modules/graphql-http/lib/audits/index.mjs")));
for (const { id, name, status, reason } of await auditServer({ url })) {
  console.log(JSON.stringify({ id, name, status, reason }));
}
