use super::*;

fn answer(code: u32) -> DirectoryError {
    DirectoryError::Answer { server: "dc1:636".into(), step: Step::Search("DC=x".into()), code, text: "why".into() }
}

#[test]
fn results_have_a_code_a_class_and_an_exit_status() {
    for (code, name, class, status) in [
        (3, "directory-limit", Class::Heals, exit::UNAVAILABLE),
        (4, "directory-limit", Class::Heals, exit::UNAVAILABLE),
        (8, "directory-signing-required", Class::Operator, exit::REFUSED),
        (10, "directory-referral", Class::Operator, exit::CONFIG),
        (12, "directory-refused", Class::Heals, exit::UNAVAILABLE),
        (50, "directory-access-denied", Class::Operator, exit::REFUSED),
        (51, "directory-busy", Class::Heals, exit::UNAVAILABLE),
        (52, "directory-busy", Class::Heals, exit::UNAVAILABLE),
        (80, "directory-refused", Class::Heals, exit::UNAVAILABLE),
    ] {
        let error = answer(code);
        assert_eq!((error.code(), error.class(), error.exit_status()), (name, class, status), "{code}");
        assert!(error.advice().ends_with('.'), "{code}");
    }
    assert_eq!(
        answer(51).to_string(),
        "dc1:636: searching accounts below DC=x failed: the server is busy (result 51): \"why\""
    );
}

#[test]
fn of_several_failures_the_one_that_heals_speaks() {
    let tls = || DirectoryError::Tls { server: "dc1:636".into(), fault: Handshake::UnknownIssuer };
    let none = DirectoryError::NoneWorked(vec![tls(), answer(51)]);
    assert_eq!((none.code(), none.class(), none.exit_status()), ("directory-busy", Class::Heals, exit::UNAVAILABLE));
    assert!(none.to_string().contains("dc1:636: its certificate was issued by no authority"), "{none}");
    assert_eq!(DirectoryError::NoneWorked(vec![tls(), tls()]).code(), "directory-tls");
}

#[test]
fn a_refused_password_is_not_tried_on_the_next_controller() {
    let refused = |refusal| DirectoryError::BindRefused {
        server: "dc1:636".into(),
        user: "svc".into(),
        refusal,
        text: String::new(),
    };
    assert_eq!(refused(Refusal::WrongPassword).failure(), Failure::Domain);
    assert_eq!(refused(Refusal::LockedOut).failure(), Failure::Domain);
    assert_eq!(refused(Refusal::ChannelBinding).failure(), Failure::Lasting);
    assert_eq!(answer(51).failure(), Failure::Passing);
    assert_eq!(refused(Refusal::Disabled).exit_status(), exit::REFUSED);
    assert_eq!(refused(Refusal::Disabled).to_string(), "dc1:636: sign-in of svc refused: the account is disabled");
}
