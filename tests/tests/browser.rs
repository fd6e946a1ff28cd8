//! GraphiQL in a real browser, as a developer meets it: the page loads, asks, and shows the docs, and neither breaks its
//! policy nor asks anybody but the gateway.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use nova_core::token::TokenType;
use nova_tests::{
    app::{TestApp, token},
    browser::{Browser, key},
    flags::{flag, set},
    world::WORLD,
};

/// What stands in the editors, in the order of the page: operation, variables, headers, answer.
const EDITORS: &str = "[...document.querySelectorAll('.CodeMirror')].map(editor => editor.CodeMirror.getValue())";

/// A gateway that waits for a connection to its store as long as a starting browser keeps the machine busy.
async fn app() -> TestApp {
    TestApp::over(&[WORLD], |options| options.backend.db_acquire_timeout_secs = 20).await
}

/// Opens the page, with `fragment` in its address, and waits until it knows the schema.
async fn open(app: &TestApp, fragment: &str) -> Browser {
    let browser = Browser::open().await;
    browser.visit(&format!("{}/graphql{fragment}", app.app.url)).await;
    browser.click("[aria-label='Show Documentation Explorer']").await;
    browser.until("return document.querySelector('.graphiql-doc-explorer-title')?.innerText === 'Docs'").await;
    browser.until("return document.querySelector('.graphiql-doc-explorer')?.innerText.includes('Query')").await;
    browser
}

/// Waits for an answer with the viewer's feed in it.
async fn see_the_feed(browser: &Browser) {
    let answer = browser.until(&format!("return {EDITORS}[3]")).await;
    let answer: serde_json::Value = serde_json::from_str(answer.as_str().unwrap()).unwrap();
    let nodes = answer["data"]["feed"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(nodes.len(), 10, "{answer}");
    assert!(nodes[0]["body"].as_str().unwrap().starts_with("post ") && nodes[0]["author"]["username"].is_string());
    assert!(answer.get("errors").is_none(), "{answer}");
}

/// Nothing was logged, and nobody but the gateway was asked for anything. Returns what was asked for.
async fn undisturbed(app: &TestApp, browser: &Browser) -> Vec<String> {
    assert_eq!(browser.logged().await, Vec::<String>::new());
    let requested = browser.requested().await;
    for url in &requested {
        assert!(url.starts_with(&app.app.url) || url.starts_with("data:"), "{url} in {requested:#?}");
    }
    assert!(requested.iter().filter(|url| url.contains("/graphql/assets/")).count() >= 2, "{requested:#?}");
    requested
}

#[tokio::test]
async fn a_developer_puts_a_token_into_the_headers_and_runs_the_feed_query() {
    let app = app().await;
    let browser = open(&app, "").await;
    let before = browser.run(&format!("return {EDITORS}")).await;
    let comments = before[0].as_str().unwrap().lines().take_while(|line| line.starts_with('#')).count();
    assert_eq!((comments, &before[2]), (3, &"".into()), "{before}");

    browser.click(".graphiql-editor-tool > :not(.hidden) .CodeMirror").await;
    browser.type_text(&format!(r#"{{"authorization": "Bearer {}"#, token(1, TokenType::Access, ""))).await;
    browser.click(".graphiql-query-editor .CodeMirror").await;
    browser.type_text(&format!("{}{}", key::CONTROL, key::ENTER)).await;
    see_the_feed(&browser).await;
    undisturbed(&app, &browser).await;
}

#[tokio::test]
async fn a_token_in_the_address_moves_into_the_headers_and_stays_for_this_tab() {
    let app = app().await;
    let token = token(1, TokenType::Access, "");
    let browser = open(&app, &format!("#token={token}")).await;
    let headers = format!("return {EDITORS}[2]");
    let expected = format!("{{\n  \"authorization\": \"Bearer {token}\"\n}}");
    assert_eq!(browser.until(&headers).await, expected);
    assert_eq!(browser.run("return location.href").await, format!("{}/graphql", app.app.url), "and is gone from there");
    browser.click(".graphiql-execute-button").await;
    see_the_feed(&browser).await;

    browser.reload().await;
    assert_eq!(browser.until(&headers).await, expected);
    assert_eq!(browser.run("return document.querySelectorAll('.graphiql-tab').length").await, 1);
    assert_eq!(browser.run("return localStorage.length").await, 0, "nothing outlasts the tab");
    for url in undisturbed(&app, &browser).await {
        assert!(
            !url.contains("token=") || url.contains("/graphql#token="),
            "only in a fragment, which is not sent: {url}"
        );
    }
}

#[tokio::test]
async fn the_docs_can_be_read_and_searched_and_nothing_that_opens_breaks_the_policy() {
    let app = app().await;
    let browser = open(&app, "").await;
    browser.click(".graphiql-doc-explorer-content .graphiql-doc-explorer-type-name").await;
    let docs = "document.querySelector('.graphiql-doc-explorer').innerText";
    browser.until(&format!("return {docs}.includes('feed')")).await;

    browser.click(".graphiql-doc-explorer-search input").await;
    browser.type_text("likeCount").await;
    // It searches a moment after the last key.
    browser.until("return document.querySelector('[role=option]')?.innerText.includes('likeCount')").await;
    browser.click("[role=option]").await;
    let shown = browser.until(&format!("return {docs}.includes('likeCount') && {docs}")).await;
    assert!(shown.as_str().unwrap().contains("Type\nInt"), "{shown}");

    for dialog in ["settings", "short keys"] {
        browser.click(&format!("[aria-label='Open {dialog} dialog']")).await;
        browser.until("return document.querySelector('.graphiql-dialog') !== null").await;
        browser.type_text(&key::ESCAPE.to_string()).await;
        browser.until("return document.querySelector('.graphiql-dialog') === null").await;
    }
    browser.click("[aria-label='Show History']").await;
    browser.click(".graphiql-query-editor .CodeMirror").await;
    browser.type_text(&format!("{}a{}{{ fe", key::CONTROL, key::RELEASE)).await;
    browser.until("return document.querySelector('.CodeMirror-hints') !== null").await;
    undisturbed(&app, &browser).await;
}

#[tokio::test]
async fn where_only_trusted_documents_run_the_page_says_so() {
    let app = app().await;
    set(&app.app.flags, &[flag("documents.trusted-only", true)]);
    let browser = Browser::open().await;
    browser.visit(&format!("{}/graphql", app.app.url)).await;
    browser.click(".graphiql-execute-button").await;
    let answer = browser.until(&format!("return {EDITORS}[3]?.includes('errors') && {EDITORS}[3]")).await;
    assert!(answer.as_str().unwrap().contains("only trusted documents run here: ask for one by its id"), "{answer}");
}
