//! The syntax tree of a WQL statement.
//!
//! Guarantees: conditions are flat lists where the text is a chain, so that walking the tree needs no more depth than the text had
//! parentheses.

use std::cmp::Ordering;
use std::time::Duration;

use wsman::cim::{ClassName, Name};

use super::Like;

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// `SELECT … FROM class [WHERE …]`: instances.
    Select(Select),
    /// `SELECT … FROM __InstanceModificationEvent [WITHIN n] [WHERE …]`: events, for a subscription only.
    Event(Select),
    /// `ASSOCIATORS OF {path} [WHERE …]`: what stands at the other end.
    Associators(Related),
    /// `REFERENCES OF {path} [WHERE …]`: the association instances themselves.
    References(Related),
}

/// A selection from one class.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    /// What to show of each instance.
    pub columns: Columns,
    /// The class, whose subclasses count too.
    pub class: ClassName,
    /// The polling interval of an event query.
    pub within: Option<Duration>,
    /// Which instances; `None` is all.
    pub filter: Option<Condition>,
}

/// What to show of each instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// `*`: the instance as it is.
    All,
    /// Named properties: a projection.
    Named(Vec<Name>),
}

/// A truth about one instance.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All hold (`AND`).
    All(Vec<Condition>),
    /// At least one holds (`OR`).
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// Two operands compared.
    Compare {
        /// The left operand.
        left: Operand,
        /// How.
        comparison: Comparison,
        /// The right operand.
        right: Operand,
    },
    /// `property LIKE 'pattern'`.
    Like {
        /// The property.
        property: Property,
        /// The pattern.
        pattern: Like,
    },
    /// `property IS NULL`.
    IsNull(Property),
    /// `property ISA 'class'`: the embedded object (or, for `__THIS`, the instance) is of that class or a subclass.
    Isa {
        /// The property.
        property: Property,
        /// The class.
        class: ClassName,
    },
}

/// A side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A property, possibly of an embedded object, or a system property (`__PATH`).
    Property(Property),
    /// A constant.
    Literal(Literal),
}

/// `Name`, `__SERVER` or `TargetInstance.State`: one or more steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property(pub Vec<Name>);

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `NULL`
    Null,
    /// `TRUE`, `FALSE`
    Boolean(bool),
    /// A whole number.
    Integer(i128),
    /// A number with a point or an exponent.
    Real(f64),
    /// A quoted text, its escapes undone.
    Text(String),
}

/// How two operands are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// Whether two operands that stand in this order compare so.
    #[must_use]
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// What `ASSOCIATORS OF` and `REFERENCES OF` ask.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Related {
    /// The text between the braces: an object path, not parsed here.
    pub path: String,
    /// `AssocClass`: the association's class (`ASSOCIATORS OF` only).
    pub assoc_class: Option<ClassName>,
    /// `ResultClass`: the class of what comes back (for references: of the association).
    pub result_class: Option<ClassName>,
    /// `Role`: the role of the instance that was named.
    pub role: Option<Name>,
    /// `ResultRole`: the role of what comes back (`ASSOCIATORS OF` only).
    pub result_role: Option<Name>,
    /// `KeysOnly`: a hint, which changes no answer here.
    pub keys_only: bool,
    /// `ClassDefsOnly` or `SchemaOnly`: classes are wanted, not instances.
    pub class_definitions: bool,
    /// `RequiredQualifier` or `RequiredAssocQualifier`: only classes that carry it.
    pub required_qualifier: Option<Name>,
}
