//! What a text is said to be, its cast must hold.

use polars::prelude::{Column, DataType};
use proptest::{prelude::*, string::string_regex};
use rfe_model::SqlType;
use rfe_sources::{cast::cast, infer::Inference};

use crate::trial::holds;

fn scalar() -> impl Strategy<Value = String> {
    let of = |pattern: &str| string_regex(pattern).expect("a pattern");
    prop_oneof![
        of(r"-?[0-9]{1,20}"),
        of(r"[+-]?[0-9]{0,18}(\.[0-9]{0,18})?([eE][+-]?[0-9]{0,3})?"),
        of(r"[0-9]{4}-[01][0-9]-[0-3][0-9]"),
        of(
            r"[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,9})?(Z|[+-][0-1][0-9]:?[0-5][0-9])?"
        ),
        of(r"(?i)(true|false|t|f|yes|no|nan|inf|null)"),
        of(r"[-+.0-9eETZ: ]{0,12}"),
        any::<String>(),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
    ]
}

fn observed(text: &str) -> SqlType {
    let mut inference = Inference::default();
    inference.text(text);
    inference.observed().expect("a text has a type")
}

#[test]
fn the_cast_to_the_inferred_type_loses_nothing() {
    holds(4000, &scalar(), |text| {
        let of = observed(&text);
        let cast = cast(&Column::new("x".into(), [text.as_str()]), &of).expect("cast");
        prop_assert!(cast.lost.is_empty(), "`{}` is no {}", text, of);
        let back = match of {
            SqlType::BigInt => cast
                .column
                .cast(&DataType::String)
                .expect("text")
                .str()
                .expect("text")
                .get(0)
                .map(str::to_owned),
            SqlType::Double => {
                let value = cast.column.f64().expect("doubles").get(0).expect("a value");
                prop_assert_eq!(Some(value), text.parse::<f64>().ok());
                prop_assert!(value.is_finite(), "{}", text);
                None
            }
            _ => None,
        };
        prop_assert!(back.is_none_or(|back| back == text), "`{}` comes back", text);
        Ok(())
    });
}

#[test]
fn two_texts_fit_the_type_that_holds_both() {
    holds(4000, &(scalar(), scalar()), |(a, b)| {
        let mut both = Inference::default();
        both.text(&a);
        both.text(&b);
        let of = both.observed().expect("a type");
        let cast = cast(&Column::new("x".into(), [a.as_str(), b.as_str()]), &of).expect("cast");
        prop_assert!(cast.lost.is_empty(), "`{}` and `{}` are no {}", a, b, of);
        Ok(())
    });
}
