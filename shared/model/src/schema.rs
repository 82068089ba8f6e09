//! What texts with a form of their own look like in the OpenAPI document.

/// A text of this form, with a name of its own in the document.
#[macro_export]
macro_rules! text_schema {
    ($name:ty, $title:expr, $says:expr, $pattern:expr, $example:expr) => {
        $crate::text_schema!($name, $title, $says, $pattern, $example, None);
    };
    ($name:ty, $title:expr, $says:expr, $pattern:expr, $example:expr, $format:expr) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::String)
                    .description(Some($says))
                    .pattern(Some($pattern))
                    .format($format)
                    .examples([$example])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed($title)
            }
        }
    };
}

use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::phone::{DIGITS_MAX, DIGITS_MIN};
use crate::{Delay, LaneId, MinuteOfDay, PhoneNumber, Span, TraceId};

text_schema!(
    PhoneNumber,
    "PhoneNumber",
    "A phone number in E.164: `+`, country code and number, digits only.",
    format!("^\\+[1-9][0-9]{{{},{}}}$", DIGITS_MIN - 1, DIGITS_MAX - 1),
    "+14155550100"
);
text_schema!(
    MinuteOfDay,
    "TimeOfDay",
    "A time of day, from `00:00` to `24:00`.",
    "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
    "09:30"
);
text_schema!(
    LaneId,
    "LaneId",
    "Names a lane; the same in every campaign.",
    "^[0-9a-f]{12}$",
    "5f2b8c0d1e3a"
);
text_schema!(
    TraceId,
    "TraceId",
    "A trace of W3C Trace Context.",
    "^[0-9a-f]{32}$",
    "4bf92f3577b34da6a3ce929d0e0e4736"
);

impl PartialSchema for Delay {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(0))
            .maximum(Some(Self::SECONDS_MAX))
            .description(Some("A wait in whole seconds, at most 92 days."))
            .examples([7_200])
            .into()
    }
}

impl ToSchema for Delay {}

impl PartialSchema for Span {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(MinuteOfDay::name()))
            .min_items(Some(2))
            .max_items(Some(2))
            .description(Some(
                "From a time of day up to, not including, a later one.",
            ))
            .examples([["10:00", "19:00"]])
            .into()
    }
}

impl ToSchema for Span {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((MinuteOfDay::name().into_owned(), MinuteOfDay::schema()));
    }
}
