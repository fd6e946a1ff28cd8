// Written by gateway/graphiql/build.mjs; run that instead of changing this.
&[
    Asset {
        path: "/graphql",
        content_type: "text/html; charset=utf-8",
        hash: "4a6a2ccb6467d54c8f6564347d6d03cfdce8ada8a701d28dc744fc4a855a405b",
        gzip: include_bytes!("page.html.gz"),
    },
    Asset {
        path: "/graphql/assets/app-5f92c2da1b2a857e.js",
        content_type: "text/javascript; charset=utf-8",
        hash: "5f92c2da1b2a857e9b7a585c20938d3bae45c9e678b86cdc804bff5ebf6dc0b2",
        gzip: include_bytes!("app.js.gz"),
    },
    Asset {
        path: "/graphql/assets/app-7d94202118cf2a59.css",
        content_type: "text/css; charset=utf-8",
        hash: "7d94202118cf2a59139cd558c000d4ed9bf28f5f13894dc3011c6230419988dc",
        gzip: include_bytes!("app.css.gz"),
    },
    Asset {
        path: "/graphql/assets/licences-824d23f6cdb126e1.txt",
        content_type: "text/plain; charset=utf-8",
        hash: "824d23f6cdb126e18102bb4fbd5be9e60e2885cd63b34b573903434a5714df58",
        gzip: include_bytes!("licences.txt.gz"),
    },
]
