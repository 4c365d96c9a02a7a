//! The attributes this directory knows, with the syntax by which they are compared.

/// How values of an attribute are written and compared (MS-ADTS 3.1.1.2.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// Unicode or printable text, compared without regard to case.
    Text,
    /// Decimal text of a 32 or 64 bit number, also used for FILETIME values.
    Number,
    /// `TRUE` or `FALSE`.
    Boolean,
    /// `YYYYMMDDHHMMSS.0Z`.
    Time,
    /// Raw bytes.
    Octets,
    /// A security identifier in its binary form; filters may write it as `S-1-…`.
    Sid,
    /// A distinguished name, compared part by part.
    Dn,
    /// A class name, matched against the object's class and all it derives from.
    Class,
}

/// What becomes of an attribute when its object is deleted, and where its values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// Survives in a tombstone (MS-ADTS 3.1.1.5.5.1).
    Kept,
    /// Is stripped from a tombstone.
    Stripped,
    /// Constructed on request: never part of `*`, and not allowed in a filter.
    Constructed,
}

macro_rules! schema {
    ($($variant:ident $name:literal $syntax:ident $keeping:ident;)*) => {
        /// An attribute of the schema.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Attribute {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        const DEFINITIONS: &[(Attribute, &str, Syntax, Keeping)] = &[
            $((Attribute::$variant, $name, Syntax::$syntax, Keeping::$keeping),)*
        ];
    };
}

schema! {
    AccountExpires "accountExpires" Number Stripped;
    AdminDescription "adminDescription" Text Stripped;
    BadPwdCount "badPwdCount" Number Stripped;
    C "c" Text Stripped;
    CanonicalName "canonicalName" Text Constructed;
    Cn "cn" Text Kept;
    Co "co" Text Stripped;
    CodePage "codePage" Number Stripped;
    Company "company" Text Stripped;
    CountryCode "countryCode" Number Stripped;
    Dc "dc" Text Stripped;
    Department "department" Text Stripped;
    Description "description" Text Stripped;
    DisplayName "displayName" Text Stripped;
    DistinguishedName "distinguishedName" Dn Kept;
    DnsHostName "dNSHostName" Text Kept;
    DnsRecord "dnsRecord" Octets Stripped;
    EmployeeId "employeeID" Text Stripped;
    EmployeeType "employeeType" Text Stripped;
    ExtensionAttribute1 "extensionAttribute1" Text Stripped;
    ExtensionAttribute15 "extensionAttribute15" Text Stripped;
    GivenName "givenName" Text Stripped;
    GroupType "groupType" Number Kept;
    InstanceType "instanceType" Number Kept;
    InvocationId "invocationId" Octets Kept;
    IsCriticalSystemObject "isCriticalSystemObject" Boolean Stripped;
    IsDeleted "isDeleted" Boolean Kept;
    IsRecycled "isRecycled" Boolean Kept;
    L "l" Text Stripped;
    LastKnownParent "lastKnownParent" Dn Kept;
    LastLogonTimestamp "lastLogonTimestamp" Number Stripped;
    LockoutTime "lockoutTime" Number Stripped;
    LogonCount "logonCount" Number Stripped;
    Mail "mail" Text Stripped;
    MailNickname "mailNickname" Text Stripped;
    Manager "manager" Dn Stripped;
    Member "member" Dn Stripped;
    MemberOf "memberOf" Dn Stripped;
    MsDsConsistencyGuid "mS-DS-ConsistencyGuid" Octets Stripped;
    MsDsDeletedObjectLifetime "msDS-DeletedObjectLifetime" Number Stripped;
    MsDsLastKnownRdn "msDS-LastKnownRDN" Text Kept;
    MsDsUserAccountControlComputed "msDS-User-Account-Control-Computed" Number Constructed;
    MsExchRecipientTypeDetails "msExchRecipientTypeDetails" Number Stripped;
    MsExchUsageLocation "msExchUsageLocation" Text Stripped;
    Name "name" Text Kept;
    ObjectCategory "objectCategory" Dn Stripped;
    ObjectClass "objectClass" Class Kept;
    ObjectGuid "objectGUID" Octets Kept;
    ObjectSid "objectSid" Sid Kept;
    Options "options" Number Stripped;
    Ou "ou" Text Stripped;
    PrimaryGroupId "primaryGroupID" Number Stripped;
    ProxyAddresses "proxyAddresses" Text Stripped;
    PwdLastSet "pwdLastSet" Number Stripped;
    SamAccountName "sAMAccountName" Text Kept;
    SamAccountType "sAMAccountType" Number Stripped;
    SidHistory "sIDHistory" Sid Kept;
    Sn "sn" Text Stripped;
    TelephoneNumber "telephoneNumber" Text Stripped;
    Title "title" Text Stripped;
    TokenGroups "tokenGroups" Sid Constructed;
    TombstoneLifetime "tombstoneLifetime" Number Stripped;
    UserAccountControl "userAccountControl" Number Kept;
    UserPrincipalName "userPrincipalName" Text Stripped;
    UsnChanged "uSNChanged" Number Kept;
    UsnCreated "uSNCreated" Number Kept;
    WhenChanged "whenChanged" Time Kept;
    WhenCreated "whenCreated" Time Kept;
}

impl Attribute {
    /// The attribute of that name, whatever its case.
    ///
    /// Options after a semicolon are not part of the name and make it unknown.
    pub fn named(name: &str) -> Option<Attribute> {
        DEFINITIONS.iter().find(|(_, known, ..)| known.eq_ignore_ascii_case(name)).map(|(attribute, ..)| *attribute)
    }

    /// All attributes, in the order in which entries carry them.
    pub fn all() -> impl Iterator<Item = Attribute> {
        DEFINITIONS.iter().map(|(attribute, ..)| *attribute)
    }

    /// The name as the schema spells it.
    pub fn name(self) -> &'static str {
        DEFINITIONS[self as usize].1
    }

    /// How values are compared.
    pub fn syntax(self) -> Syntax {
        DEFINITIONS[self as usize].2
    }

    /// What deletion does to it.
    pub fn keeping(self) -> Keeping {
        DEFINITIONS[self as usize].3
    }

    /// Whether only a forest with the Exchange schema has it.
    pub fn is_exchange(self) -> bool {
        use Attribute::*;
        matches!(
            self,
            ExtensionAttribute1
                | ExtensionAttribute15
                | MailNickname
                | MsExchRecipientTypeDetails
                | MsExchUsageLocation
        )
    }

    /// The number under which values are stored.
    pub(super) fn number(self) -> u16 {
        self as u16
    }

    /// The attribute stored under a number.
    pub(super) fn numbered(number: u16) -> Attribute {
        DEFINITIONS[usize::from(number)].0
    }
}

/// The classes objects here belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A person's or a service's account.
    User,
    /// A machine account; derives from user.
    Computer,
    /// A group.
    Group,
    /// An organizational unit.
    OrganizationalUnit,
    /// A plain container.
    Container,
    /// The head of the domain.
    DomainDns,
    /// The head of the configuration.
    Configuration,
    /// A site.
    Site,
    /// The servers of a site.
    ServersContainer,
    /// A server of a site.
    Server,
    /// The NTDS Settings of a writable domain controller.
    NtdsDsa,
    /// Those of a read-only one.
    NtdsDsaRo,
    /// `CN=Directory Service`, which holds the lifetime of tombstones.
    NtdsService,
    /// A DNS zone.
    DnsZone,
    /// A name in a DNS zone.
    DnsNode,
    /// An object of another domain, known by name alone. No search shows it.
    Phantom,
}

impl Class {
    /// The class and what it derives from, as `objectClass` lists them.
    pub fn chain(self) -> &'static [&'static str] {
        match self {
            Class::User => &["top", "person", "organizationalPerson", "user"],
            Class::Computer => &["top", "person", "organizationalPerson", "user", "computer"],
            Class::Group => &["top", "group"],
            Class::OrganizationalUnit => &["top", "organizationalUnit"],
            Class::Container => &["top", "container"],
            Class::DomainDns => &["top", "domain", "domainDNS"],
            Class::Configuration => &["top", "configuration"],
            Class::Site => &["top", "site"],
            Class::ServersContainer => &["top", "serversContainer"],
            Class::Server => &["top", "server"],
            Class::NtdsDsa => &["top", "applicationSettings", "nTDSDSA"],
            Class::NtdsDsaRo => &["top", "applicationSettings", "nTDSDSA", "nTDSDSARO"],
            Class::NtdsService => &["top", "nTDSService"],
            Class::DnsZone => &["top", "dnsZone"],
            Class::DnsNode => &["top", "dnsNode"],
            Class::Phantom => &["top"],
        }
    }

    /// The name of the schema object that `objectCategory` points to.
    pub fn category(self) -> &'static str {
        match self {
            Class::User => "Person",
            Class::Computer => "Computer",
            Class::Group => "Group",
            Class::OrganizationalUnit => "Organizational-Unit",
            Class::Container => "Container",
            Class::DomainDns => "Domain-DNS",
            Class::Configuration => "Configuration",
            Class::Site => "Site",
            Class::ServersContainer => "Servers-Container",
            Class::Server => "Server",
            Class::NtdsDsa => "NTDS-DSA",
            Class::NtdsDsaRo => "NTDS-DSA-RO",
            Class::NtdsService => "NTDS-Service",
            Class::DnsZone => "Dns-Zone",
            Class::DnsNode => "Dns-Node",
            Class::Phantom => "Top",
        }
    }

    /// `sAMAccountType`, for what can sign in or be granted something.
    pub fn sam_account_type(self) -> Option<u32> {
        match self {
            Class::User => Some(805_306_368),
            Class::Computer => Some(805_306_369),
            Class::Group => Some(268_435_456),
            _ => None,
        }
    }

    /// The attribute that names an object of this class in its DN.
    pub fn naming(self) -> &'static str {
        match self {
            Class::OrganizationalUnit => "OU",
            Class::DomainDns | Class::DnsZone | Class::DnsNode => "DC",
            _ => "CN",
        }
    }
}

/// The schema object a class name stands for in a filter on `objectCategory`.
pub fn category_of_class(name: &str) -> Option<&'static str> {
    const CATEGORIES: &[(&str, &str)] = &[
        ("person", "Person"),
        ("user", "Person"),
        ("organizationalPerson", "Person"),
        ("computer", "Computer"),
        ("group", "Group"),
        ("organizationalUnit", "Organizational-Unit"),
        ("container", "Container"),
        ("domainDNS", "Domain-DNS"),
    ];
    CATEGORIES.iter().find(|(class, _)| class.eq_ignore_ascii_case(name)).map(|(_, category)| *category)
}
