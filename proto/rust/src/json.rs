//! Messages as proto3 JSON with the names of the protos (`snake_case`), fields without a value included.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

// An immutable constant that happens to need decoding; it holds no state.
static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(crate::FILE_DESCRIPTOR_SET).expect("the committed descriptors decode")
});

/// Renders a message of `rfe` as proto3 JSON.
///
/// # Panics
/// Never for a message that this crate generates: its descriptor is committed beside it.
pub fn to_value<M: Message + Name>(message: &M) -> serde_json::Value {
    let descriptor =
        POOL.get_message_by_name(&M::full_name()).expect("every generated message has a descriptor");
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .expect("a message decodes by its own descriptor");
    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &options)
        .expect("a decoded message has a JSON form")
}

/// Reads a message of `rfe` from proto3 JSON; both `snake_case` and `camelCase` names are taken.
///
/// # Errors
/// With the reason, if the JSON does not fit the message.
pub fn from_value<M: Message + Name + Default>(value: &serde_json::Value) -> Result<M, serde_json::Error> {
    let descriptor =
        POOL.get_message_by_name(&M::full_name()).expect("every generated message has a descriptor");
    let dynamic = DynamicMessage::deserialize(descriptor, value)?;
    Ok(dynamic.transcode_to().expect("a dynamic message decodes as its own type"))
}
