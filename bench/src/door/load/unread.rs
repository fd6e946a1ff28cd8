//! A client of HTTP/2, as bytes, that asks and allows no byte of an answer: the server has to keep them all.

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Types of frames, and their flags.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// So many POSTs of `body`, each on a stream of its own.
pub(super) fn requests(token: &str, body: &str, count: u32) -> Vec<u8> {
    // INITIAL_WINDOW_SIZE is 0.
    let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])].concat();
    // Entries of the static table (RFC 7541): POST and http, then names with values of ours.
    let mut head = vec![0x83, 0x86];
    let bearer = format!("Bearer {token}");
    for (name, value) in [(4, "/graphql"), (1, "localhost"), (31, "application/json"), (23, &bearer)] {
        integer(&mut head, 15, name);
        integer(&mut head, 127, value.len());
        head.extend(value.as_bytes());
    }
    for number in 0..count {
        let stream = 2 * number + 1;
        bytes.extend(frame(HEADERS, END_HEADERS, stream, &head));
        bytes.extend(frame(DATA, END_STREAM, stream, body.as_bytes()));
    }
    bytes
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
