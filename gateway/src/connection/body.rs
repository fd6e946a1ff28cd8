//! The bodies of a connection's requests and responses, which tell its [`Activity`](super::activity::Activity) that they
//! arrive and leave. A response is handed over in small parts, so that a reader who takes nothing leaves most of it here; and
//! it is on its way until the last part is written, wherever that waits.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::body::{Body, HttpBody};
use bytes::{Buf, Bytes};
use hyper::body::{Frame, Incoming, SizeHint};

use super::activity::{Awaits, Delivers, Open};

/// What is handed over at a time, in bytes: a frame of HTTP/2.
const PART_BYTES: usize = 16 * 1024;

/// The body of a request, while it arrives.
pub(super) struct Arriving {
    body: Incoming,
    awaits: Option<Awaits>,
}

impl Arriving {
    pub(super) fn new(body: Incoming, awaits: Awaits) -> Self {
        Self { body, awaits: Some(awaits) }
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.awaits = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response, while it leaves.
pub(super) struct Leaving {
    body: Body,
    /// What is still to be handed over of the last frame.
    rest: Bytes,
    guards: Arc<Guards>,
}

/// A request is open, and its response on its way, until all of them are gone.
struct Guards {
    delivers: Delivers,
    _open: Open,
}

/// A part of a response. HTTP/2 takes all of it for a reader who lets one byte through.
pub(super) struct Part {
    bytes: Bytes,
    _guards: Arc<Guards>,
}

impl Buf for Part {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

impl Leaving {
    pub(super) fn new(body: Body, open: Open) -> Self {
        Self { body, rest: Bytes::new(), guards: Arc::new(Guards { delivers: open.delivers(), _open: open }) }
    }
}

impl HttpBody for Leaving {
    type Data = Part;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Part>, axum::Error>>> {
        self.guards.delivers.moved();
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.rest = data,
                Some(Ok(Err(other))) => {
                    return Poll::Ready(other.into_trailers().ok().map(|fields| Ok(Frame::trailers(fields))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let length = self.rest.len().min(PART_BYTES);
        let bytes = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(Part { bytes, _guards: Arc::clone(&self.guards) }))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let inner = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
