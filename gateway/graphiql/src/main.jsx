// The page: GraphiQL over this gateway. It talks to the endpoint that it was loaded from and to nobody else.
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import { headers, keepHeaders } from "./headers.js";
import "graphiql/style.css";
import "./page.css";

const QUERY = `# Whose feed? Their token goes into Headers below:
#   {"authorization": "Bearer TOKEN"}
# ./nova token --user NAME prints it; Ctrl-Enter runs.
query Feed {
  feed(first: 10) {
    nodes {
      body
      createdAt
      likeCount
      commentCount
      author {
        username
        displayName
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`;

async function fetcher(operation, options) {
  const response = await fetch(location.pathname, {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json", ...options?.headers },
    body: JSON.stringify(operation),
    signal: options?.signal,
  });
  return response.json();
}

const initialHeaders = headers();

createRoot(document.getElementById("graphiql")).render(
  <GraphiQL
    fetcher={fetcher}
    defaultQuery={QUERY}
    defaultEditorToolsVisibility="headers"
    // What was typed lasts as long as this tab of the browser, and no other tab sees it.
    storage={sessionStorage}
    showPersistHeadersSettings={false}
    headers={initialHeaders}
    defaultHeaders={initialHeaders}
    onEditHeaders={keepHeaders}
  />,
);
