//! Where a search starts: a DN, or one of AD's other ways to name an object (MS-ADTS 3.1.1.3.1.2.4).

use crate::directory::world::{Guid, Location, ObjectId, World, dn, parse_sid};

use super::refusal::Refusal;
use super::sight::Sight;

/// The well-known GUID of the Deleted Objects container (MS-ADTS 6.1.1.4).
const DELETED_OBJECTS: &str = "18E2EA80684F11D2B9AA00C04F79F805";

/// The well-known GUIDs of Users and Computers.
const USERS: &str = "A9D1CA15768811D1ADED00C04FD8D5CD";
const COMPUTERS: &str = "AA312825768811D1ADED00C04FD8D5CD";

/// Finds the base of a search, if the caller can see it.
pub fn resolve(world: &World, dc: usize, base: &str, sight: Sight) -> Result<ObjectId, Refusal> {
    let root = world.domain.base.as_str();
    let id = match base.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some(form) => alternative(world, dc, form).ok_or_else(|| Refusal::bad_name(base))?,
        None => by_dn(world, dc, base)?,
    };
    let view = id.and_then(|id| world.view(dc, id));
    let seen = view.filter(|view| sight.sees(view)).map(|view| view.id);
    seen.ok_or_else(|| Refusal::no_such_object(if id.is_some() || base.starts_with('<') { "" } else { root }))
}

fn by_dn(world: &World, dc: usize, base: &str) -> Result<Option<ObjectId>, Refusal> {
    let parts = dn::parse(base).ok_or_else(|| Refusal::bad_name(base))?;
    if parts.is_empty() {
        return Err(Refusal::no_such_object(""));
    }
    match world.locate(dc, &parts) {
        Location::Found(id) => Ok(Some(id)),
        Location::Missing { best_match } => Err(Refusal::no_such_object(&world.dc(dc).dn(best_match))),
        Location::Elsewhere => Err(Refusal::elsewhere(&host_of(&parts), base)),
    }
}

/// The outer `None` stands for a form that is not understood, the inner one for an object that is not there.
fn alternative(world: &World, dc: usize, form: &str) -> Option<Option<ObjectId>> {
    let (kind, value) = form.split_once('=')?;
    match kind.to_ascii_uppercase().as_str() {
        "GUID" => Some(world.id_of(guid(value)?)),
        "SID" => Some(world.id_of_sid(dc, &parse_sid(value).or_else(|| hex(value))?)),
        "WKGUID" => {
            let (known, container) = value.split_once(',')?;
            let at_head = world.find(dc, container) == Some(world.landmarks.domain);
            let id = match known.to_ascii_uppercase().as_str() {
                DELETED_OBJECTS => world.landmarks.deleted_objects,
                USERS => world.landmarks.users,
                COMPUTERS => world.landmarks.computers,
                _ => return Some(None),
            };
            Some(at_head.then_some(id))
        }
        _ => None,
    }
}

/// The live object a DN in a filter names, in any of its forms.
pub fn named(world: &World, dc: usize, text: &str) -> Option<ObjectId> {
    let id = match text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some(form) => alternative(world, dc, form).flatten(),
        None => world.find(dc, text).or_else(|| world.phantom(dc, text)),
    };
    id.filter(|id| world.dc(dc).live(*id).is_some())
}

/// With dashes it is the text of a GUID, without them its bytes on the wire.
fn guid(value: &str) -> Option<Guid> {
    if value.contains('-') {
        return Guid::try_parse(value).ok();
    }
    Some(Guid::from_bytes_le(hex(value)?.try_into().ok()?))
}

fn hex(value: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        value.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect::<Option<_>>()?;
    (digits.len().is_multiple_of(2)).then(|| digits.chunks(2).map(|pair| (pair[0] << 4) | pair[1]).collect())
}

/// The DNS name of the domain a DN is in.
fn host_of(parts: &[dn::Rdn]) -> String {
    let labels = parts.iter().filter(|part| part.attribute == "dc").map(|part| part.value.as_str());
    labels.collect::<Vec<_>>().join(".")
}
