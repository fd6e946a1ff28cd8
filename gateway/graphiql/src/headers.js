// The headers editor's content, kept for this tab of the browser: it may hold a token. GraphiQL's own way of keeping it
// forgets it at each load.
//
// `nova up` puts a token into the fragment of the page's address (`/graphql#token=…`): browsers keep fragments to themselves,
// so that it is in no request and in no log.
const KEY = "nova:headers";

// Moves a token out of the address, where the next screenshot would show it.
function takeToken() {
  const token = /^#token=([\w.-]{1,4096})$/.exec(location.hash)?.[1];
  if (!token) return;
  history.replaceState(null, "", location.pathname + location.search);
  keepHeaders(JSON.stringify({ authorization: `Bearer ${token}` }, null, 2));
}

export function keepHeaders(text) {
  sessionStorage.setItem(KEY, text);
}

export function headers() {
  return sessionStorage.getItem(KEY) ?? undefined;
}

takeToken();
// Another token put into the address of the open page: a fragment alone loads nothing.
addEventListener("hashchange", () => location.hash && location.reload());
