//! What the environment means.

use std::collections::HashMap;

use prosaas_core::ExposeSecret;

use super::*;

fn read(vars: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let vars: HashMap<&str, &str> = vars.iter().copied().collect();
    Config::from_vars(|name| vars.get(name).map(|value| (*value).to_owned()))
}

#[test]
fn an_empty_environment_is_a_working_development_set_up() {
    let config = read(&[]).unwrap();
    assert_eq!(config.environment, Environment::Development);
    assert_eq!((config.host.as_str(), config.port), ("127.0.0.1", 5000));
    assert_eq!(config.public_base_url, "http://127.0.0.1:5000");
    assert_eq!(config.public_media_url, "ws://127.0.0.1:5000/media");
    assert_eq!(
        config.database_url.expose_secret(),
        "sqlite:./data/prosaas.db"
    );
    assert_eq!(config.model.realtime_model, "gpt-realtime-2.1");
    assert!(config.model.use_realtime);
    assert!(config.twilio.validate_signature, "checking is the default");
    assert_eq!(config.log.format, LogFormat::Text);
}

#[test]
fn the_media_url_follows_the_base_url_unless_told_otherwise() {
    let config = read(&[("PUBLIC_BASE_URL", "https://Voice.Example.com/p/")]).unwrap();
    assert_eq!(config.public_base_url, "https://Voice.Example.com/p");
    assert_eq!(config.public_media_url, "wss://Voice.Example.com/p/media");
    let config = read(&[("PUBLIC_MEDIA_URL", "wss://media.example.com/m")]).unwrap();
    assert_eq!(config.public_media_url, "wss://media.example.com/m");
}

#[test]
fn a_server_is_behind_after_three_seconds_of_half_a_second_unless_told_otherwise() {
    let limits = |vars: &[(&str, &str)]| {
        let lag = read(vars).unwrap().lag;
        (lag.most.as_millis(), lag.within.as_secs())
    };
    assert_eq!(limits(&[]), (500, 3));
    let told = [
        ("PROSAAS_LAG_LIMIT_MS", "2000"),
        ("PROSAAS_LAG_SECONDS", "10"),
    ];
    assert_eq!(limits(&told), (2_000, 10));
    for wrong in [
        ("PROSAAS_LAG_LIMIT_MS", "0"),
        ("PROSAAS_LAG_SECONDS", "0"),
        ("PROSAAS_LAG_SECONDS", "soon"),
    ] {
        assert_eq!(read(&[wrong]).unwrap_err().0[0].name, wrong.0);
    }
}

#[test]
fn every_problem_is_reported_at_once_and_no_value_is_repeated() {
    let errors = read(&[
        ("PROSAAS_ENV", "productoin"),
        ("PORT", "70000"),
        ("PUBLIC_BASE_URL", "http://203.0.113.9"),
        ("DATABASE_URL", "mysql://user:hunter2@db/prosaas"),
        ("OPENAI_REALTIME_URL", "ws://model.example/v1"),
        ("TWILIO_ACCOUNT_SID", "AC-hunter2"),
        ("TWILIO_PHONE_NUMBER", "0501234567"),
        ("INTERNAL_SECRET", "hunter2"),
        ("AUDIO_BATCH_MS", "30"),
        ("TRUSTED_PROXIES", "hunter2"),
        ("VALIDATE_TWILIO_SIGNATURE", "maybe"),
        ("PROSAAS_DRAIN_SECONDS", "-1"),
        ("PROSAAS_LOG", "===="),
        ("PROSAAS_LOG_FORMAT", "xml"),
        ("HOST", "a b"),
    ])
    .unwrap_err();
    let mut names: Vec<_> = errors.0.iter().map(|error| error.name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "AUDIO_BATCH_MS",
            "DATABASE_URL",
            "HOST",
            "INTERNAL_SECRET",
            "OPENAI_REALTIME_URL",
            "PORT",
            "PROSAAS_DRAIN_SECONDS",
            "PROSAAS_ENV",
            "PROSAAS_LOG",
            "PROSAAS_LOG_FORMAT",
            "PUBLIC_BASE_URL",
            "TRUSTED_PROXIES",
            "TWILIO_ACCOUNT_SID",
            "TWILIO_PHONE_NUMBER",
            "VALIDATE_TWILIO_SIGNATURE"
        ]
    );
    let printed = format!("{errors} {errors:?}");
    assert!(
        !printed.contains("hunter2") && !printed.contains("501234567"),
        "{printed}"
    );
    assert!(printed.contains("or postgres://..."), "{printed}");
}

#[test]
fn production_needs_a_public_url_and_ignores_the_switch_that_turns_checking_off() {
    let errors = read(&[("PROSAAS_ENV", "production")]).unwrap_err();
    assert_eq!(
        errors.0.iter().map(|e| e.name).collect::<Vec<_>>(),
        ["PUBLIC_BASE_URL"]
    );
    let production = [
        ("PUBLIC_BASE_URL", "https://a.example"),
        ("VALIDATE_TWILIO_SIGNATURE", "false"),
    ];
    for name in ["PROSAAS_ENV", "FLASK_ENV"] {
        let mut vars = production.to_vec();
        vars.push((name, "production"));
        let config = read(&vars).unwrap();
        assert!(config.is_production() && config.twilio.validate_signature);
        assert!(
            config
                .warnings
                .iter()
                .any(|line| line.contains("ignored in production"))
        );
        assert!(
            config
                .warnings
                .iter()
                .any(|line| line.contains("TWILIO_AUTH_TOKEN"))
        );
        assert_eq!(config.log.format, LogFormat::Json);
    }
    assert!(
        !read(&production).unwrap().twilio.validate_signature,
        "development may switch it off"
    );
}

#[test]
fn prosaas_env_wins_over_flask_env() {
    let config = read(&[("FLASK_ENV", "production"), ("PROSAAS_ENV", "development")]).unwrap();
    assert_eq!(config.environment, Environment::Development);
    assert!(
        config
            .warnings
            .iter()
            .any(|line| line.contains("FLASK_ENV"))
    );
}

#[test]
fn plain_websockets_towards_loopback_work_in_production() {
    let config = read(&[
        ("PROSAAS_ENV", "production"),
        ("PUBLIC_BASE_URL", "https://a.example"),
        ("OPENAI_REALTIME_URL", "ws://127.0.0.1:9100/v1/realtime"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:9100/v1"),
        ("TWILIO_API_BASE", "http://[::1]:9200"),
    ])
    .unwrap();
    assert_eq!(config.model.realtime_url, "ws://127.0.0.1:9100/v1/realtime");
    assert!(
        !config
            .warnings
            .iter()
            .any(|line| line.contains("OPENAI_API_KEY"))
    );
}

#[test]
fn secrets_never_print() {
    let config = read(&[
        ("OPENAI_API_KEY", "sk-canary-1"),
        ("TWILIO_AUTH_TOKEN", "canary-2"),
        ("INTERNAL_SECRET", "canary-3-0123456789"),
        ("TWILIO_PHONE_NUMBER", "+972501234567"),
    ])
    .unwrap();
    let printed = format!("{config:?}");
    assert!(
        !printed.contains("canary") && !printed.contains("501234567"),
        "{printed}"
    );
    assert_eq!(
        config.twilio.auth_token.unwrap().expose_secret(),
        "canary-2"
    );
}

#[test]
fn a_sidecar_takes_a_secret_that_both_sides_sign_with() {
    const SECRET: &str = "canary-of-thirty-two-characters-";
    let sidecar = ("BAILEYS_BASE_URL", "http://baileys:3300");
    let config = read(&[sidecar, ("INTERNAL_SECRET", SECRET)]).unwrap();
    assert!(!format!("{config:?}").contains("canary"));
    assert_eq!(config.whatsapp.unwrap().sidecar_url, sidecar.1);
    let alone = read(&[("INTERNAL_SECRET", "sixteen-or-more-characters")]).unwrap();
    assert!(alone.whatsapp.is_none());
    for (vars, name, words) in [
        (vec![sidecar], "INTERNAL_SECRET", "is not set"),
        (
            vec![sidecar, ("INTERNAL_SECRET", &SECRET[..31])],
            "INTERNAL_SECRET",
            "at least 32",
        ),
        (
            vec![sidecar, ("INTERNAL_SECRET", "short")],
            "INTERNAL_SECRET",
            "at least 16",
        ),
        (
            vec![
                ("BAILEYS_BASE_URL", "baileys:3300"),
                ("INTERNAL_SECRET", SECRET),
            ],
            "BAILEYS_BASE_URL",
            "http://baileys:3300",
        ),
        (
            vec![
                ("BAILEYS_BASE_URL", "http://u:p@baileys"),
                ("INTERNAL_SECRET", SECRET),
            ],
            "BAILEYS_BASE_URL",
            "without user",
        ),
    ] {
        let ConfigErrors(errors) = read(&vars).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].name, name);
        assert!(errors[0].problem.contains(words), "{errors:?}");
    }
}

#[test]
fn an_app_at_meta_takes_its_secret_and_its_verify_token() {
    let secret = ("META_APP_SECRET", "canary-app-secret");
    let token = ("META_VERIFY_TOKEN", "canary-verify-token");
    let config = read(&[secret, token]).unwrap();
    assert!(!format!("{config:?}").contains("canary"));
    let meta = config.meta.unwrap();
    assert!(meta.graph_base.starts_with("https://graph.facebook.com/"));
    assert!(read(&[]).unwrap().meta.is_none());
    let local = ("META_GRAPH_BASE", "http://127.0.0.1:9/v26.0");
    let config = read(&[secret, token, local]).unwrap();
    assert_eq!(config.meta.unwrap().graph_base, local.1);
    for (vars, name) in [
        (vec![secret], "META_VERIFY_TOKEN"),
        (vec![token], "META_APP_SECRET"),
        (
            vec![
                secret,
                token,
                ("META_GRAPH_BASE", "http://graph.test/v26.0"),
            ],
            "META_GRAPH_BASE",
        ),
    ] {
        let ConfigErrors(errors) = read(&vars).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].name, name);
        assert!(!errors[0].problem.contains("canary"), "{errors:?}");
    }
}

#[test]
fn empty_variables_count_as_unset() {
    let config = read(&[("PORT", ""), ("OPENAI_API_KEY", "  "), ("DATABASE_URL", "")]).unwrap();
    assert_eq!(config.port, 5000);
    assert!(config.model.api_key.is_none());
}

#[test]
fn google_variables_are_found() {
    let names = ["PATH", "GOOGLE_TTS_VOICE", "GCP_PROJECT", "MY_GOOGLE_KEY"].map(str::to_owned);
    assert_eq!(
        unused_google_variables(names),
        ["GCP_PROJECT", "GOOGLE_TTS_VOICE"]
    );
}

proptest::proptest! {
    #[test]
    fn any_environment_is_read_or_refused_without_repeating_a_value(value in "[ -~]{8,40}") {
        let read = Config::from_vars(|_| Some(value.clone()));
        if let Err(errors) = read {
            // Long enough not to be a word of ours.
            proptest::prop_assert!(!errors.to_string().contains(value.trim()) || value.trim().len() < 8);
        }
    }

    #[test]
    fn any_list_of_proxies_is_read_or_refused(text in ".{0,60}") {
        let _ = proxies::parse_list(&text);
        let peer = std::net::IpAddr::from([127, 0, 0, 1]);
        let _ = client_address(peer, Some(&text), &["127.0.0.1".parse().unwrap()]);
    }
}
