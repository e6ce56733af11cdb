//! A policy as data, so that it can cross to another process: its document and its options (H-3).

use super::Policy;
use crate::{
    config::{NetworkConfig, Spelling},
    options::{Limits, Options},
    validate::Checker,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error, ser::SerializeStruct};

impl Serialize for Policy {
    /// `{"config": ..., "options": ...}`, every entry in its canonical text.
    ///
    /// ```
    /// use sandgate::{Options, Policy};
    ///
    /// let policy = Policy::from_json(r#"{"denyOut": ["10.0.0.0/8"]}"#, &Options::default())?;
    /// let saved = serde_json::to_string(&policy).unwrap();
    /// assert_eq!(serde_json::from_str::<Policy>(&saved).unwrap(), policy);
    /// # Ok::<(), sandgate::Report>(())
    /// ```
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Policy", 2)?;
        object.serialize_field("config", &self.config())?;
        object.serialize_field("options", self.options())?;
        object.end()
    }
}

impl<'de> Deserialize<'de> for Policy {
    /// Judges and compiles again: what was saved may have been changed. Only the limits are not
    /// applied, as canonical text may be longer than what was written.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Saved { config, options } = Saved::deserialize(deserializer)?;
        let unlimited = Options { limits: Limits::NONE, ..options.clone() };
        let mut checker = Checker::new(&unlimited);
        config.0.replay(&mut checker);
        checker.finish().map(|rules| Self::new(rules, &options)).map_err(Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    config: Unlimited,
    options: Options,
}

/// A configuration of any size.
struct Unlimited(NetworkConfig);

impl<'de> Deserialize<'de> for Unlimited {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NetworkConfig::from_objects_within(deserializer, Spelling::Wire, Limits::NONE)?.map(Self).map_err(Error::custom)
    }
}
