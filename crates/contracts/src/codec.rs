//! The codec of every method: Protocol Buffers, with each inbound request checked before a handler sees it.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, DecodeBuf, Decoder, EncodeBuf, Encoder};

use crate::errors::v1::Reason;
use crate::refusal::Refusal;
use crate::validate::Inbound;

/// What each call's buffer has room for at first, in bytes: an acknowledgement, or the sign of life of a watch. What is
/// longer gets the room that it needs, once; tonic's own 8 KiB would be held by each of thousands of watches on which
/// nothing comes, and is taken and given back twice by every small request.
const ROOM: usize = 64;
/// As tonic has it: a stream's messages go out together up to this size.
const TOGETHER: usize = 32 * 1_024;

fn buffers() -> BufferSettings {
    BufferSettings::new(ROOM, TOGETHER)
}

/// Encodes `T`, decodes and checks `U`.
#[derive(Debug, Clone)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Inbound + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = SizedEncoder<T>;
    type Decoder = CheckedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        SizedEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        CheckedDecoder(PhantomData)
    }
}

/// Encodes a message into a buffer that is made as long as the message first.
#[derive(Debug)]
pub struct SizedEncoder<T>(PhantomData<T>);

impl<T: Message> Encoder for SizedEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.reserve(message.encoded_len());
        message
            .encode(target)
            .map_err(|_| Status::internal("the message found no room"))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

/// Decodes a message and, when it is a request, checks it.
#[derive(Debug)]
pub struct CheckedDecoder<U>(PhantomData<U>);

impl<U: Message + Default + Inbound> Decoder for CheckedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let message = U::decode(source).map_err(|_| malformed())?;
        if U::CHECKED {
            let violations = message.violations();
            if !violations.is_empty() {
                return Err(Refusal::fields(violations).into_status());
            }
        }
        Ok(Some(message))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

fn malformed() -> Status {
    // The decoder's own text can quote a field's name and wire type, never its value; still nothing is passed
    // on that came from the sender's bytes.
    Refusal::new(
        Reason::MalformedMessage,
        "the message cannot be decoded as its contract says",
    )
    .into_status()
}
