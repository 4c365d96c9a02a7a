//! What of an event is a field of its log line.

use super::Event;

impl Event {
    pub(super) fn request_id(&self) -> Option<&str> {
        match self {
            Self::LocationSet { request_id, .. }
            | Self::LicenseAccepted { request_id, .. }
            | Self::WriteFailed { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    pub(super) fn user(&self) -> Option<&str> {
        match self {
            Self::PersonMoved { name, .. }
            | Self::StandingMoved { name, .. }
            | Self::LocationSet { name, .. }
            | Self::LicenseAccepted { name, .. }
            | Self::WriteSettled { name, .. }
            | Self::WriteFailed { name, .. } => Some(name),
            _ => None,
        }
    }

    pub(super) fn sku(&self) -> Option<&str> {
        match self {
            Self::StandingMoved { product, .. }
            | Self::Waiting { product, .. }
            | Self::ProductStopped { product, .. } => Some(product),
            Self::LicenseAccepted { sku, .. } | Self::WriteFailed { sku, .. } => Some(sku),
            _ => None,
        }
    }
}
