// Writes dist/: the page, its script and its style in one file each, and the licences of all that is in them.
//
// Everything is compressed here and named by the hash of its content. `dist/assets.rs` is the table that the gateway
// compiles in; `dist/made-from.txt` says from which lock file and sources, which a test compares.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const home = dirname(fileURLToPath(import.meta.url));
process.chdir(home);

const bundle = await build({
  entryPoints: { app: "src/main.jsx" },
  outdir: "dist",
  bundle: true,
  minify: true,
  metafile: true,
  write: false,
  legalComments: "none", // they are in licences.txt, whole
  jsx: "automatic",
  target: "es2022",
  define: { "process.env.NODE_ENV": '"production"' },
  alias: { "react-style-singleton": "./src/adopted-styles.js" },
  plugins: [{ name: "no-fonts", setup: withoutFonts }],
  logLevel: "warning",
});

// Rules that load fonts go: page.css names the machine's own.
function withoutFonts(esbuild) {
  esbuild.onLoad({ filter: /\.css$/ }, ({ path }) => ({
    loader: "css",
    contents: readFileSync(path, "utf8").replace(/@font-face\s*\{[^}]*\}/g, ""),
  }));
}

const output = (ending) => bundle.outputFiles.find((file) => file.path.endsWith(ending)).contents;
const assets = {
  script: asset("app", "js", "text/javascript; charset=utf-8", output(".js")),
  style: asset("app", "css", "text/css; charset=utf-8", output(".css")),
  licences: asset("licences", "txt", "text/plain; charset=utf-8", Buffer.from(licences(bundle.metafile))),
};
let html = readFileSync("src/page.html", "utf8");
for (const [name, { url }] of Object.entries(assets)) html = html.replace(`{${name}}`, url);
const page = { ...asset("page", "html", "text/html; charset=utf-8", Buffer.from(html)), url: "/graphql" };

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");
const table = [page, ...Object.values(assets)];
for (const { file, content } of table) writeFileSync(join("dist", file), gzipSync(content, { level: 9 }));
writeFileSync("dist/assets.rs", rust(table));
writeFileSync("dist/made-from.txt", `${made()}\n`);
for (const { url, content } of table) console.log(`${url} ${content.length} bytes, ${gzipSync(content, { level: 9 }).length} compressed`);

function asset(name, ending, type, content) {
  const hash = sha256(content);
  return { url: `/graphql/assets/${name}-${hash.slice(0, 16)}.${ending}`, file: `${name}.${ending}.gz`, type, hash, content };
}

function sha256(content) {
  return createHash("sha256").update(content).digest("hex");
}

// The licence of every package of which something is in the bundle, with the text that the package brings.
function licences({ inputs }) {
  const homes = new Set();
  for (const input of Object.keys(inputs)) {
    const home = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
    if (home) homes.add(home);
  }
  const texts = [...homes].sort().map((home) => {
    const manifest = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
    const { name, version, license } = manifest;
    const files = readdirSync(home).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
    const text = files.map((file) => readFileSync(join(home, file), "utf8").trim()).join("\n\n");
    return `${name} ${version}\n${license}\n\n${text || mit(manifest)}\n`;
  });
  return `What this page is made of, and under which licences.\n\n${texts.join(`\n${"-".repeat(80)}\n\n`)}`;
}

// The text of the one licence that some packages name and don't bring.
function mit({ name, license, author, repository }) {
  if (license !== "MIT") throw new Error(`${name}: no text of its licence`);
  const holder = author?.name ?? author ?? `the authors of ${repository?.url ?? repository ?? name}`;
  return readFileSync("src/mit.txt", "utf8").trim().replace("{holder}", holder);
}

// One hash over what dist/ is made from; gateway/src/http/graphiql.rs makes it the same way.
function made() {
  const files = ["package.json", "package-lock.json", "build.mjs", ...readdirSync("src").sort().map((file) => `src/${file}`)];
  return sha256(files.map((file) => `${file} ${sha256(readFileSync(file))}\n`).join(""));
}

function rust(table) {
  const rows = table.map(
    ({ url, file, type, hash }) => `    Asset {
        path: ${JSON.stringify(url)},
        content_type: ${JSON.stringify(type)},
        hash: ${JSON.stringify(hash)},
        gzip: include_bytes!(${JSON.stringify(file)}),
    },\n`,
  );
  return `// Written by gateway/graphiql/build.mjs; run that instead of changing this.
&[
${rows.join("")}]
`;
}
