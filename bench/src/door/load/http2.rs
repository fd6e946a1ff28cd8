//! Clients of HTTP/2, as bytes: one that asks and takes none of its answers, so that the server has to keep them all, and one
//! whose heads are full.

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Types of frames, and their flags.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The newest field of the dynamic table, which is number 62 (RFC 7541, 6.1).
const NEWEST: u8 = 0xBE;

/// So many POSTs of `body`, each on a stream of its own, of whose answers `window` bytes are taken each.
pub(super) fn requests(token: &str, body: &str, count: u32, window: u8) -> Vec<u8> {
    let head = head(token);
    let request = |stream| {
        [frame(HEADERS, END_HEADERS, stream, &head), frame(DATA, END_STREAM, stream, body.as_bytes())].concat()
    };
    // INITIAL_WINDOW_SIZE.
    connection(&[0, 4, 0, 0, 0, window], count, request)
}

/// So many heads of POSTs with `fields` fields besides, without their bodies.
pub(super) fn heads(token: &str, fields: usize, count: u32) -> Vec<u8> {
    let head = head(token);
    // A literal that stays in the dynamic table, and its index from then on.
    let first = [&head[..], &[0x40, 1, b'x', 0], &vec![NEWEST; fields - 1]].concat();
    let later = [&head[..], &vec![NEWEST; fields]].concat();
    connection(&[], count, |stream| frame(HEADERS, END_HEADERS, stream, if stream == 1 { &first } else { &later }))
}

fn connection(settings: &[u8], count: u32, request: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let begin = [PREFACE, &frame(SETTINGS, 0, 0, settings)].concat();
    [begin].into_iter().chain((0..count).map(|number| request(2 * number + 1))).collect::<Vec<_>>().concat()
}

/// Entries of the static table (RFC 7541): POST and http, then names with values of ours.
fn head(token: &str) -> Vec<u8> {
    let mut head = vec![0x83, 0x86];
    let bearer = format!("Bearer {token}");
    for (name, value) in [(4, "/graphql"), (1, "localhost"), (31, "application/json"), (23, &bearer)] {
        integer(&mut head, 15, name);
        integer(&mut head, 127, value.len());
        head.extend(value.as_bytes());
    }
    head
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A number whose first byte has room up to `most` (RFC 7541, 5.1).
fn integer(bytes: &mut Vec<u8>, most: u8, number: usize) {
    let Some(mut rest) = number.checked_sub(most.into()) else {
        return bytes.extend(u8::try_from(number));
    };
    bytes.push(most);
    while rest >= 128 {
        bytes.extend(u8::try_from(rest % 128 + 128));
        rest /= 128;
    }
    bytes.extend(u8::try_from(rest));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_sent_once_and_named_from_then_on() {
        let named = |bytes: &[u8]| bytes.split(|byte| *byte == NEWEST).count() - 1;
        let (one, three) = (heads("t", 5, 1), heads("t", 5, 3));
        assert_eq!((named(&one), named(&three)), (4, 14));
        assert!(one.windows(4).any(|window| window == [0x40, 1, b'x', 0]));
    }

    #[test]
    fn numbers_and_frames_are_as_they_are_specified() {
        let of = |most, number| {
            let mut bytes = Vec::new();
            integer(&mut bytes, most, number);
            bytes
        };
        // RFC 7541, C.1.
        assert_eq!((of(31, 10), of(31, 1337)), (vec![10], vec![31, 154, 10]));
        assert_eq!(of(15, 15), [15, 0]);
        assert_eq!(frame(1, 5, 3, b"x"), [0, 0, 1, 1, 5, 0, 0, 0, 3, b'x']);
    }
}
