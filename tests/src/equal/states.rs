//! States of the flags whose two sides must answer alike, from the catalogue: a flag that is new there is in by itself.
use std::fmt;

use nova_flags::{CATALOGUE, Equivalence, Flag, Flags, payload_json};
use proptest::prelude::*;
use serde_json::Value;

use crate::flags as states;

/// What every flag that is meant to be equal is set to. Flags that differ by purpose have their defaults.
#[derive(Clone)]
pub struct State(Vec<(&'static Flag, Setting)>);

/// What one flag is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// Off.
    Off,
    /// On, with the values of its payload.
    On(Vec<u64>),
    /// On for a share of the callers, in per cent.
    Share(u8),
}

impl State {
    /// The old way: everything off.
    #[must_use]
    pub fn old_way() -> Self {
        Self(flags().map(|flag| (flag, Setting::Off)).collect())
    }

    /// Every flag on.
    #[must_use]
    pub fn all_on() -> Self {
        Self(flags().map(|flag| (flag, on(flag, |field| field.default))).collect())
    }

    /// Each flag by itself at each of its settings: while the others are off, and while they are on.
    #[must_use]
    pub fn one_by_one() -> Vec<Self> {
        let mut states = vec![Self::all_on()];
        for others in [Self::old_way(), Self::all_on()] {
            for (at, flag) in flags().enumerate() {
                for setting in settings(flag).into_iter().filter(|setting| *setting != others.0[at].1) {
                    let mut state = others.clone();
                    state.0[at].1 = setting;
                    states.push(state);
                }
            }
        }
        states
    }

    /// Any combination.
    pub fn any() -> impl Strategy<Value = Self> {
        let setting = |flag: &'static Flag| {
            let values: Vec<_> = flag.payload.iter().map(|field| range(flag, field)).collect();
            prop_oneof![
                2 => Just(Setting::Off),
                2 => Just(on(flag, |field| field.default)),
                1 => values.prop_map(Setting::On),
                1 => (1..100_u8).prop_map(Setting::Share),
            ]
            .prop_map(move |setting| (flag, setting))
        };
        flags().map(setting).collect::<Vec<_>>().prop_map(Self)
    }

    /// Lets it hold from here on.
    ///
    /// # Panics
    /// When it is refused.
    pub fn hold(&self, flags: &Flags) {
        states::set(flags, &self.0.iter().map(feature).collect::<Vec<_>>());
    }
}

/// The flags that promise to be equal, always or while all is well.
pub fn flags() -> impl Iterator<Item = &'static Flag> {
    CATALOGUE.iter().filter(|flag| !matches!(flag.equivalence, Equivalence::Different(_)))
}

fn on(flag: &Flag, value: impl Fn(&nova_flags::Field) -> u64) -> Setting {
    Setting::On(flag.payload.iter().map(value).collect())
}

/// Off, on, and on with each field at its edges, the others at their defaults.
fn settings(flag: &Flag) -> Vec<Setting> {
    let mut settings = vec![Setting::Off, on(flag, |field| field.default)];
    for field in flag.payload {
        for edge in [least(flag, field), field.max] {
            settings.push(on(flag, |other| if other.name == field.name { edge } else { other.default }));
        }
    }
    settings.dedup();
    settings
}

/// From where on a value is tried. A flag that is equal only while nothing is refused is not taken below its default: there
/// it is meant to refuse.
fn least(flag: &Flag, field: &nova_flags::Field) -> u64 {
    if flag.equivalence == Equivalence::Same { field.min } else { field.default }
}

fn range(flag: &Flag, field: &nova_flags::Field) -> impl Strategy<Value = u64> + use<> {
    let (least, most) = (least(flag, field), field.max);
    // Small values are where batches split: as likely as all others.
    prop_oneof![least..=most.min(least.saturating_add(10)), least..=most]
}

fn feature((flag, setting): &(&Flag, Setting)) -> Value {
    match setting {
        Setting::Off => states::flag(flag.name, false),
        Setting::Share(percent) => states::flag_for(flag.name, *percent),
        Setting::On(values) if values.is_empty() => states::flag(flag.name, true),
        Setting::On(values) => states::flag_with(flag.name, &payload_json(flag, values)),
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (flag, setting) in &self.0 {
            match setting {
                Setting::Off => write!(f, "{}: off; ", flag.name)?,
                Setting::On(values) => write!(f, "{}: on {values:?}; ", flag.name)?,
                Setting::Share(percent) => write!(f, "{}: on for {percent} %; ", flag.name)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_to_hold_holds() {
        let flags = Flags::defaults();
        for state in State::one_by_one() {
            state.hold(&flags);
            let view = serde_json::to_value(flags.state().explain(&flags.process())).unwrap();
            for (flag, setting) in &state.0 {
                let seen = &view[flag.name];
                assert_eq!(seen["value"], json!(*setting != Setting::Off), "{} under {state:?}", flag.name);
                if let Setting::On(values) = setting
                    && !values.is_empty()
                {
                    assert_eq!(seen["payload"], payload_json(flag, values), "{} under {state:?}", flag.name);
                }
            }
        }
    }

    #[test]
    fn each_flag_has_both_sides_and_the_edges_of_its_payload() {
        let states: Vec<_> = State::one_by_one().iter().map(|state| format!("{state:?}")).collect();
        let has = |text: &str| states.iter().any(|state| state.contains(text));
        for flag in flags() {
            assert!(has(&format!("{}: off;", flag.name)) && has(&format!("{}: on", flag.name)), "{}", flag.name);
        }
        assert!(has("loaders.batching: on [1];") && has("loaders.batching: on [5000];"));
    }
}
