//! What a caller sees of deleted objects.

use crate::directory::world::View;
use crate::directory::world::object::Life;
use crate::directory::world::schema::Class;

/// Given by the request's controls and by the rights on Deleted Objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sight {
    /// Show deleted objects (control …417).
    pub deleted: bool,
    /// Show recycled objects too (control …2064).
    pub recycled: bool,
}

impl Sight {
    /// Whether the object is shown.
    pub fn sees(self, view: &View<'_>) -> bool {
        let hidden = view.world.policy.hide_deleted_objects;
        match view.slot.object.life {
            _ if view.slot.object.class == Class::Phantom => false,
            Life::Live if view.id == view.world.landmarks.deleted_objects => (self.deleted || self.recycled) && !hidden,
            Life::Live => true,
            Life::Deleted => (self.deleted || self.recycled) && !hidden,
            Life::Recycled => self.recycled && !hidden,
        }
    }
}
