//! Open sets: families, models, preconditioners and Krylov methods are tables of [`Entry`], one entry a file.
//!
//! Parser, help, listings and refusals come from the table. A library user adds her own member with
//! [`Registry::register`]; from then on recipes and `name(option = value)` know it as they know ours.

use std::sync::{PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{self, Error, Result};

/// One member of an open set: `T` is what its parsed table becomes, such as `dyn Family`.
pub struct Entry<T: ?Sized + 'static> {
    /// The name in recipes and on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub help: &'static str,
    /// The paper, book or program it follows.
    pub source: &'static str,
    /// What it needs of the system, "" if nothing: "A symmetric positive definite".
    pub needs: &'static str,
    /// Keys that bare values stand for in `name(value, …)`, in order.
    pub positional: &'static [&'static str],
    /// Every key with its default; keys without one are left out.
    pub defaults: fn() -> toml::Table,
    /// What each key means and which values it takes, from the type that [`Entry::parse`] reads; None where the member
    /// does not say.
    pub schema: Option<fn() -> schemars::Schema>,
    /// How [`Entry::parse`] reads the member's table; `name` is the entry's.
    pub parse: fn(table: &toml::Table, name: &str, origin: &str) -> Result<Box<T>>,
}

impl<T: ?Sized + 'static> Entry<T> {
    /// A member whose configuration is all it takes; further fields follow as in `Entry { needs: …, ..Entry::of(…) }`.
    pub const fn of<C>(name: &'static str, help: &'static str) -> Self
    where
        C: Default + Serialize + DeserializeOwned + Into<Box<T>>,
    {
        Entry {
            name,
            help,
            source: "",
            needs: "",
            positional: &[],
            defaults: defaults::<C>,
            schema: None,
            parse: |table, name, origin| Ok(config::<C>(table, name, origin)?.into()),
        }
    }

    /// Reads the member's table; `origin` is the recipe's file, or what else the text came from.
    ///
    /// # Errors
    /// [`Error::Recipe`] or [`Error::Argument`] naming the key that is unknown, of the wrong type or out of range.
    pub fn parse(&self, table: &toml::Table, origin: &str) -> Result<Box<T>> {
        (self.parse)(table, self.name, origin)
    }

    /// The member with its defaults.
    ///
    /// # Errors
    /// As [`Entry::parse`].
    pub fn default_member(&self) -> Result<Box<T>> {
        self.parse(&(self.defaults)(), "defaults")
    }
}

/// All members of one kind: those that come with fempipe, and those registered since.
pub struct Registry<T: ?Sized + 'static> {
    /// One member of the kind, for messages: "preconditioner".
    kind: &'static str,
    ours: &'static [&'static Entry<T>],
    added: RwLock<Vec<&'static Entry<T>>>,
}

impl<T: ?Sized + 'static> Registry<T> {
    /// The members that come with fempipe; `kind` names one of them in messages.
    pub const fn new(kind: &'static str, ours: &'static [&'static Entry<T>]) -> Self {
        Registry { kind, ours, added: RwLock::new(Vec::new()) }
    }

    /// Those that come with fempipe.
    pub fn shipped(&self) -> &'static [&'static Entry<T>] {
        self.ours
    }

    /// Every member, ours first.
    pub fn all(&self) -> Vec<&'static Entry<T>> {
        // The list is whole between pushes, whatever a thread that held it did.
        let added = self.added.read().unwrap_or_else(PoisonError::into_inner);
        self.ours.iter().chain(added.iter()).copied().collect()
    }

    /// One member of the kind, for messages: "preconditioner".
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        self.all().iter().map(|e| e.name).collect()
    }

    /// The member called `name`.
    ///
    /// # Errors
    /// [`Error::Argument`] naming the members there are.
    pub fn find(&self, name: &str) -> Result<&'static Entry<T>> {
        self.all().into_iter().find(|e| e.name == name).ok_or_else(|| {
            Error::Argument(format!("unknown {} {name:?} (known: {})", self.kind, self.names().join(", ")))
        })
    }

    /// Adds a member for the rest of the process.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is taken.
    pub fn register(&self, entry: Entry<T>) -> Result<()> {
        let mut added = self.added.write().unwrap_or_else(PoisonError::into_inner);
        if self.ours.iter().chain(added.iter()).any(|e| e.name == entry.name) {
            return Err(Error::Argument(format!("there is a {} called {:?} already", self.kind, entry.name)));
        }
        // Entries are few and live as long as the process: nothing is gained by freeing them.
        added.push(Box::leak(Box::new(entry)));
        Ok(())
    }
}

/// What every configuration can tell: its keys with their values. Whatever serde can write has it.
pub trait Configuration {
    /// Every key with its value; keys without one are left out.
    fn table(&self) -> toml::Table;
}

impl<C: Serialize> Configuration for C {
    fn table(&self) -> toml::Table {
        to_table(self)
    }
}

/// The default configuration as a table: what [`Entry::defaults`] is for most members.
pub fn defaults<C: Default + Serialize>() -> toml::Table {
    to_table(&C::default())
}

/// The keys of a configuration with their documentation, types and named values: what [`Entry::schema`] is for members
/// whose configuration derives [`schemars::JsonSchema`]. Nothing in it refers elsewhere.
pub fn schema<C: schemars::JsonSchema>() -> schemars::Schema {
    schemars::generate::SchemaSettings::default()
        .with(|s| s.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<C>()
}

/// A configuration as a table, every key written out; `None` is left out.
///
/// # Panics
/// If `config` is no struct of values that TOML can hold, which is a mistake in its type.
pub fn to_table<C: Serialize>(config: &C) -> toml::Table {
    toml::Table::try_from(config).unwrap_or_else(|e| {
        let name = std::any::type_name::<C>();
        panic!("a configuration is a struct of values that TOML can hold; {name} is not: {e}")
    })
}

/// Reads the table of `name` as its configuration.
///
/// # Errors
/// [`Error::Recipe`] naming the table and the key that is unknown or of the wrong type, and what would be right.
pub fn config<C: DeserializeOwned>(table: &toml::Table, name: &str, origin: &str) -> Result<C> {
    let read = toml::Value::Table(table.clone()).try_into();
    read.map_err(|e: toml::de::Error| Error::recipe(origin, format!("[{name}] {}", wrong_key(table, &e))))
}

/// The key that an error belongs to, its value, and what it must be.
fn wrong_key(table: &toml::Table, e: &toml::de::Error) -> String {
    let message = e.message().trim().replace('\n', ", ");
    // The path of the key is shown, but cannot be asked for.
    let shown = e.to_string();
    let path = shown.lines().find_map(|line| line.strip_prefix("in `")?.strip_suffix('`'));
    let Some(path) = path else { return message };
    let mut keys = path.split('.');
    let value = keys.next().and_then(|first| keys.try_fold(table.get(first)?, |value, key| value.get(key)));
    let given = value.map_or(String::new(), |value| format!(" = {value}"));
    format!("{path}{given}: {}", error::must_be(&message).unwrap_or(message))
}

/// As [`config`], with the ranges of its values checked.
///
/// # Errors
/// As [`config`] and `check`.
pub fn checked<C: DeserializeOwned>(
    table: &toml::Table,
    name: &str,
    origin: &str,
    check: fn(&C) -> Result<()>,
) -> Result<C> {
    let config = config(table, name, origin)?;
    check(&config)?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a configuration is a struct of values that TOML can hold")]
    fn what_is_no_configuration_is_not_an_empty_table() {
        to_table(&[1, 2]);
    }

    trait Shape {
        fn area(&self) -> f64;
    }

    #[derive(serde::Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    struct Square {
        side: f64,
    }

    impl Default for Square {
        fn default() -> Self {
            Square { side: 2.0 }
        }
    }

    impl Shape for Square {
        fn area(&self) -> f64 {
            self.side * self.side
        }
    }

    impl From<Square> for Box<dyn Shape> {
        fn from(square: Square) -> Self {
            Box::new(square)
        }
    }

    const fn square(name: &'static str) -> Entry<dyn Shape> {
        Entry { positional: &["side"], ..Entry::of::<Square>(name, "A square") }
    }

    static SQUARE: Entry<dyn Shape> = square("square");
    static SHAPES: Registry<dyn Shape> = Registry::new("shape", &[&SQUARE]);

    #[test]
    fn members_are_found_added_and_refused() {
        assert!(SHAPES.register(square("square")).is_err());
        SHAPES.register(square("tile")).unwrap();
        assert_eq!(SHAPES.names(), ["square", "tile"]);
        let tile = SHAPES.find("tile").unwrap();
        assert_eq!((tile.defaults)()["side"].as_float(), Some(2.0));
        let three = toml::toml! { side = 3.0 };
        assert_eq!(tile.parse(&three, "t").unwrap().area(), 9.0);
        let message = tile.parse(&toml::toml! { edge = 3 }, "r.toml").err().unwrap().to_string();
        assert!(message.starts_with("r.toml: [tile]") && message.contains("edge"), "{message}");
        let wrong = |table: toml::Table| tile.parse(&table, "r.toml").err().unwrap().to_string();
        assert_eq!(wrong(toml::toml! { side = "a" }), "r.toml: [tile] side = \"a\": must be a number");
        let message = SHAPES.find("disc").err().unwrap().to_string();
        assert_eq!(message, "unknown shape \"disc\" (known: square, tile)");
    }
}
