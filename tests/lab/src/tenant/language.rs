//! Error texts in another language: Graph has been seen to translate them, while codes stay.

use serde::{Deserialize, Serialize};

use super::reply::GraphError;

/// The language of Graph's error texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Language {
    /// As documented.
    #[default]
    English,
    /// The same in German; these texts are the lab's own, Microsoft's are not public.
    German,
}

/// Pieces of English texts, and the German text that replaces the whole. `{}` stands for the ids in the English one.
const GERMAN: &[(&str, &str)] = &[
    ("does not have any available licenses", "Für das Abonnement mit der SKU {} sind keine Lizenzen verfügbar."),
    ("invalid usage location", "Einem Benutzer mit ungültigem Verwendungsort kann keine Lizenz zugewiesen werden."),
    ("does not correspond to a valid company License", "Die Lizenz {} entspricht keiner gültigen Unternehmenslizenz."),
    ("cannot be assigned to a user", "Die Lizenz {} kann keinem Benutzer zugewiesen werden."),
    ("mutually exclusive", "Fehler bei der Lizenzzuweisung, da sich die Dienstpläne {} gegenseitig ausschließen."),
    ("depends on the service plan(s)", "Fehler bei der Lizenzzuweisung: Dienstpläne hängen voneinander ab: {}."),
    (
        "inherited from a group membership",
        "Die Benutzerlizenz wird von einer Gruppenmitgliedschaft geerbt und kann nicht direkt entfernt werden.",
    ),
    ("does not have a corresponding license", "Der Benutzer hat keine entsprechende Lizenz."),
    (
        "concurrent requests",
        "Fehler aufgrund gleichzeitiger Anforderungen an den Mandanten. Warten Sie kurz, und wiederholen Sie den Vorgang.",
    ),
    ("Insufficient privileges", "Unzureichende Berechtigungen zum Abschließen des Vorgangs."),
    ("does not exist or one of its queried", "Die Ressource {} ist nicht vorhanden."),
    ("Please retry again later", "Versuchen Sie es später noch mal."),
    ("Invalid value specified for property", "Für die Eigenschaft wurde ein ungültiger Wert angegeben."),
    ("page token value has expired", "Der angegebene Seitentokenwert ist abgelaufen."),
    ("token is expired", "Das Zugriffstoken ist abgelaufen."),
];

impl Language {
    /// The same error in this language; a text the lab has no translation of stays.
    pub(super) fn translated(self, mut error: GraphError) -> GraphError {
        if self == Self::English {
            return error;
        }
        if let Some((_, german)) = GERMAN.iter().find(|(piece, _)| error.message.contains(piece)) {
            error.message = german.replace("{}", &ids(&error.message).join(", "));
        }
        error
    }
}

fn ids(text: &str) -> Vec<&str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    words.filter(|word| uuid::Uuid::try_parse(word).is_ok()).collect()
}
