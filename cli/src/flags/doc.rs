//! `nova flags doc`: the page on flags, `docs/flags.md`, made from the catalogue.

use std::fmt::Write as _;

use nova_flags::{CATALOGUE, Equivalence, Flag, Kind, ReadIn, Scope};

/// How flags work here. The rest of the page is the catalogue.
const HOW: &str = "\
# Flags

What operators switch while it runs. This page is written by `./nova flags doc > docs/flags.md`.

Every change in behaviour has a flag, so that it can be given to 1 % of the users, watched, and taken back within seconds.
A flag is in the catalogue (`flags/src/catalogue/flags.rs`) from the commit on that brings the behaviour which it switches.

## Where a flag has its value from

The first of these that says something holds:

1. Unleash, asked every 2 seconds (`UNLEASH_URL`, `UNLEASH_TOKEN`).
2. The last good answer of Unleash, kept on disk (`NOVA_FLAGS_CACHE`).
3. A file of the operator's (`NOVA_FLAGS_FILE`), such as `nova flags snapshot` writes.
4. The defaults on this page.

A flag that the source does not have keeps its default: it is not off. An answer with none of these flags in it is refused, and
what held before goes on holding. No failure of Unleash fails a request or a start.

## For whom it is decided

- **request**: once for each request, for its caller, in the gateway. A rollout sticks to the user, and for anonymous callers
  to the session: who is in at 10 % is in at 50 %. What the backend reads travels with the call, so that no request sees two
  values of one flag.
- **process**: for the instance, at each sync. A rollout sticks to the instance.

## How the answers of both sides compare

- **same**: equal, byte for byte, always.
- **same when healthy**: equal while nothing fails and nothing is refused.
- **different by purpose**: what differs is said with the flag.

## Rolling out, and taking back

`nova flags sync` creates what is missing in Unleash, in the state that it has now: creating changes nothing. Then, in
Unleash, set the rollout of the flag's strategy to 10 %, watch, go on to 50 % and 100 %. To take back, switch the flag off in
the environment. Gateways see either within seconds. A payload is the JSON object of the strategy's variant; a field
that it leaves out has its default, and one that is out of its range leaves the last valid payload in force.

A *release* flag goes when everybody has what it brings, by its end at the latest. *Operational* flags and *kill switches* stay.
`nova flags lint` finds flags that are past their end, that nothing reads, or that nobody knows.
";

/// The whole page.
#[must_use]
pub(crate) fn page() -> String {
    let mut page = String::from(HOW);
    page.push_str(
        "\n## All flags\n\n| flag | scope | kind | default | equivalence | end |\n|---|---|---|---|---|---|\n",
    );
    for flag in &CATALOGUE {
        let anchor = flag.name.replace('.', "");
        let _ = writeln!(
            page,
            "| [`{}`](#{anchor}) | {} | {} | {} | {} | {} |",
            flag.name,
            flag.scope.as_str(),
            kind(flag.kind),
            on_or_off(flag.default),
            equivalence(flag.equivalence),
            flag.end.unwrap_or("–"),
        );
    }
    for flag in &CATALOGUE {
        entry(&mut page, flag);
    }
    page
}

fn entry(page: &mut String, flag: &Flag) {
    let decided = match flag.scope {
        Scope::Request => "for each request",
        Scope::Process => "for the process",
    };
    let read_in = match flag.read_in {
        ReadIn::Gateway => "gateway",
        ReadIn::Backend => "backend",
    };
    let end = flag.end.map(|end| format!(", gone by {end}")).unwrap_or_default();
    let _ = write!(
        page,
        "\n### `{}`\n\n- off: {}\n- on: {}\n- default {}; decided {decided}, read in the {read_in}\n- answers of both sides: {}\n\
         - {}{end}; owner: {}\n",
        flag.name,
        flag.off,
        flag.on,
        on_or_off(flag.default),
        flag.equivalence,
        kind(flag.kind),
        flag.owner,
    );
    if !flag.payload.is_empty() {
        page.push_str("\n| field of the payload | default | range | meaning |\n|---|---|---|---|\n");
    }
    for field in flag.payload {
        let (name, meaning, range) = (field.name, field.meaning, field.range());
        // A word is written as it stands, not as JSON.
        let default = field.write(field.default);
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        let _ = writeln!(page, "| `{name}` | {default} | {range} | {meaning} |");
    }
}

fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::KillSwitch => "kill switch",
        other => other.as_str(),
    }
}

fn equivalence(equivalence: Equivalence) -> &'static str {
    match equivalence {
        Equivalence::Same => "same",
        Equivalence::SameWhenHealthy => "same when healthy",
        Equivalence::Different(_) => "different by purpose",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_the_catalogue() {
        let committed = include_str!("../../../docs/flags.md");
        assert!(committed == page(), "docs/flags.md is out of date: ./nova flags doc > docs/flags.md");
    }
}
