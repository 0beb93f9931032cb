//! The tricks by which a URL reaches what it must not, and what must still be reachable.

use proptest::prelude::*;

use super::*;

/// Addresses whose form alone betrays them.
const TRICKS: &[&str] = &[
    // No URL, or none of ours.
    "",
    "https",
    "https:",
    "https://",
    "https:///",
    "https://?",
    "https://#",
    "//hooks.shop.co.il/",
    "/etc/passwd",
    "hooks.shop.co.il",
    "https://hooks.shop.co.il:99999/",
    "https://hooks.shop.co.il:-1/",
    "https://[::1/",
    "https://::1/",
    "https://[1.2.3.4]/",
    "https://[fe80::1%25eth0]/",
    "https://a..b.co.il/",
    "https://.co.il/",
    "https://%zz.co.il/",
    "https://hooks%00.shop.co.il/",
    "https://hooks.shop.co.il%2f@127.0.0.1/",
    // Other schemes.
    "http://hooks.shop.co.il/",
    "http://127.0.0.1/",
    "ftp://hooks.shop.co.il/",
    "ws://hooks.shop.co.il/",
    "wss://hooks.shop.co.il/",
    "file:///etc/passwd",
    "file://hooks.shop.co.il/etc/passwd",
    "gopher://hooks.shop.co.il:443/_GET",
    "dict://hooks.shop.co.il:443/",
    "ldap://hooks.shop.co.il/",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "jar:https://hooks.shop.co.il/!/",
    "unix:/run/docker.sock",
    "blob:https://hooks.shop.co.il/1",
    "about:blank",
    "mailto:dana@shop.co.il",
    "httpss://hooks.shop.co.il/",
    // Other ports.
    "https://hooks.shop.co.il:80/",
    "https://hooks.shop.co.il:22/",
    "https://hooks.shop.co.il:8443/",
    "https://hooks.shop.co.il:4430/",
    "https://hooks.shop.co.il:6379/",
    "https://hooks.shop.co.il:5432/",
    "https://hooks.shop.co.il:0/",
    "https://hooks.shop.co.il:1/",
    "https://hooks.shop.co.il:65535/",
    // Somebody else's name before the at sign.
    "https://dana@hooks.shop.co.il/",
    "https://dana:secret@hooks.shop.co.il/",
    "https://:secret@hooks.shop.co.il/",
    "https://hooks.shop.co.il@127.0.0.1/",
    "https://hooks.shop.co.il:443@10.0.0.1/",
    "https://hooks.shop.co.il%23@169.254.169.254/",
    "https://hooks.shop.co.il&@127.0.0.1#@hooks.shop.co.il/",
    "https://foo@evil@127.0.0.1/",
    "https://%68ooks@127.0.0.1/",
    // What programs read differently.
    "https:\\\\hooks.shop.co.il\\",
    "https:/\\127.0.0.1/",
    "https://hooks.shop.co.il\\@127.0.0.1/",
    "https://127.0.0.1\\.hooks.shop.co.il/",
    "https://hooks.shop.co.il\t/",
    "https://hooks.shop\n.co.il/",
    "https://hooks.shop.co.il/\r\nHost: 127.0.0.1",
    "https://hooks.shop.co.il/ HTTP/1.1",
    " https://hooks.shop.co.il/",
    "https://hooks.shop.co.il/ ",
    "https://hooks.shop.co.il/\u{0}",
    "https://hooks.shop.co.il/\u{a0}",
    "https://hooks.shop.co.il/\u{2028}",
    "\u{feff}https://hooks.shop.co.il/",
    "ht\ttps://127.0.0.1/",
    // Loopback in every spelling.
    "https://127.0.0.1/",
    "https://127.0.0.1:443/",
    "https://127.0.0.1./",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0X7F.0x0.0x0.0x1/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0177.0.0.01/",
    "https://00177.0.0.1/",
    "https://127.0x0.0.01/",
    "https://%31%32%37.0.0.1/",
    "https://%30%78%37%66.1/",
    "https://１２７.0.0.1/",
    "https://①②⑦.0.0.1/",
    "https://127。0。0。1/",
    "https://127．0．0．1/",
    "https://127｡0｡0｡1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0x0/",
    "https://00000000000/",
    "https://0.1.2.3/",
    "https:127.0.0.1/",
    "https:/127.0.0.1/",
    "https:////127.0.0.1/",
    "HTTPS://127.0.0.1/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "https://[::]/",
    "https://[::127.0.0.1]/",
    "https://[::7f00:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    // Private networks.
    "https://10.0.0.1/",
    "https://10.1/",
    "https://0xa000001/",
    "https://012.0.0.1/",
    "https://167772161/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://2886729729/",
    "https://192.168.1.1/",
    "https://192.168.257/",
    "https://0xc0a80101/",
    "https://3232235777/",
    "https://0300.0250.1.1/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:c0a8:101]/",
    // Link-local and the metadata of clouds.
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://169.16689662/",
    "https://169.254.170.2/",
    "https://169.254.0.1/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::a9fe:a9fe]/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://metadata.google.internal/",
    "https://metadata.google.internal./",
    "https://instance-data.ec2.internal/",
    // What is not given to anybody, or to everybody.
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://192.0.0.1/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://198.19.255.255/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://4294967295/",
    "https://0xffffffff/",
    "https://4294967296/",
    "https://256.1.1.1/",
    "https://1.2.3.4.5/",
    "https://1.2.3.0x100/",
    // IPv6 with something inside.
    "https://[fc00::1]/",
    "https://[fd12:3456:789a::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[2001::1]/",
    "https://[2001:0:53aa:64c:0:0:80ff:fffe]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a00:1::1]/",
    "https://[2002:c0a8:101::]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://[64:ff9b:1::a9fe:a9fe]/",
    "https://[2a00::5efe:10.0.0.1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    // Names for inside use.
    "https://localhost/",
    "https://localhost./",
    "https://LOCALHOST/",
    "https://LocalHost:443/",
    "https://ｌｏｃａｌｈｏｓｔ/",
    "https://loc\u{ad}alhost/",
    "https://%6cocalhost/",
    "https://api.localhost/",
    "https://localhost.localdomain/",
    "https://ip6-localhost/",
    "https://db/",
    "https://kubernetes/",
    "https://kubernetes.default.svc.cluster.local/",
    "https://printer.local/",
    "https://host.docker.internal/",
    "https://gateway.lan/",
    "https://nas.home/",
    "https://router.home.arpa/",
    "https://1.0.0.127.in-addr.arpa/",
    "https://wiki.corp/",
    "https://wiki.intranet/",
    "https://vault.private/",
    "https://facebookcorewwwi.onion/",
    "https://hooks.test/",
    "https://hooks.invalid/",
    "https://example/",
    "https://com/",
    "https://co.il../",
];

#[test]
fn tricks_are_refused_before_any_name_is_resolved() {
    assert!(TRICKS.len() >= 150, "{}", TRICKS.len());
    for trick in TRICKS {
        let read = Target::parse(trick, TargetPolicy::Public);
        assert!(read.is_err(), "{trick:?} was read as {read:?}");
    }
    let long = format!("https://hooks.shop.co.il/{}", "a".repeat(MAX_URL));
    assert_eq!(
        Target::parse(&long, TargetPolicy::Public),
        Err(TargetError::NotAUrl)
    );
}

#[test]
fn what_is_said_about_a_refusal() {
    for (trick, error) in [
        ("hooks.shop.co.il", TargetError::NotAUrl),
        ("https://a b.co.il/", TargetError::Ambiguous),
        ("http://hooks.shop.co.il/", TargetError::NotHttps),
        ("https://hooks.shop.co.il:8443/", TargetError::Port),
        ("https://dana@hooks.shop.co.il/", TargetError::Credentials),
        ("https://127.0.0.1/", TargetError::Host),
    ] {
        assert_eq!(
            Target::parse(trick, TargetPolicy::Public),
            Err(error),
            "{trick}"
        );
    }
    let shown = Error::from(TargetError::Host).to_string();
    assert!(!shown.contains("127"), "{shown}");
}

#[test]
fn honest_addresses_are_read() {
    for good in [
        "https://hooks.shop.co.il/",
        "https://hooks.shop.co.il",
        "https://hooks.shop.co.il:443/crm?key=1#top",
        "HTTPS://Hooks.Shop.CO.IL/",
        "https://hooks.shop.co.il./",
        "https://דוגמה.קום/",
        "https://xn--4dbrk0ce.co.il/",
        "https://n8n.shop.co.il/webhook/3fa8@home",
        "https://127.0.0.1.nip.io/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://hooks.shop.co.il/%0d%0aHost:%20127.0.0.1",
        "https://hooks.shop.co.il/?u=http://127.0.0.1/",
    ] {
        let read = Target::parse(good, TargetPolicy::Public);
        assert!(read.is_ok(), "{good:?}: {read:?}");
    }
}

#[test]
fn every_address_of_a_name_must_be_public() {
    let target = Target::parse("https://hooks.shop.co.il/", TargetPolicy::Public).unwrap();
    let admit = |addresses: &[&str]| {
        let parsed: Vec<IpAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
        target.admit(&parsed)
    };
    let public: SocketAddr = "8.8.8.8:443".parse().unwrap();
    assert_eq!(admit(&["8.8.8.8"]), Ok(vec![public]));
    assert_eq!(admit(&["8.8.8.8", "2606:4700::1111"]).unwrap().len(), 2);
    for trick in [
        &[][..],
        &["127.0.0.1"],
        &["8.8.8.8", "127.0.0.1"],
        &["10.0.0.1", "8.8.8.8"],
        &["8.8.8.8", "::1"],
        &["8.8.8.8", "::ffff:10.0.0.1"],
        &["2606:4700::1111", "fd00:ec2::254"],
        &["64:ff9b::8.8.8.8"],
        &["169.254.169.254"],
        &["0.0.0.0"],
    ] {
        assert_eq!(admit(trick), Err(TargetError::Address), "{trick:?}");
    }
    let many = vec![IpAddr::from([8, 8, 8, 8]); MAX_ADDRESSES + 1];
    assert_eq!(target.admit(&many), Err(TargetError::Address));
}

#[test]
fn a_developers_machine_is_reached_only_when_it_was_asked_for() {
    let here = "http://127.0.0.1:9000/hook";
    assert!(Target::parse(here, TargetPolicy::default()).is_err());
    let target = Target::parse(here, TargetPolicy::Development).unwrap();
    assert_eq!((target.name(), target.port()), (None, 9_000));
    assert!(target.admit(&[IpAddr::from([127, 0, 0, 1])]).is_ok());
    for never in [
        "file:///etc/passwd",
        "http://",
        "http://a@b/",
        "http://a b/",
    ] {
        assert!(
            Target::parse(never, TargetPolicy::Development).is_err(),
            "{never}"
        );
    }
}

/// An operator's own n8n, beside the server.
fn beside() -> TargetPolicy {
    TargetPolicy::PublicAnd(["n8n:5678".parse().unwrap()].into())
}

#[test]
fn a_service_that_the_operator_named_is_reached_in_the_clear_and_no_other_is() {
    let target = Target::parse("http://n8n:5678/webhook/prosaas", beside()).unwrap();
    assert!(target.may_be_private());
    let inside = IpAddr::from([172, 18, 0, 4]);
    assert!(target.admit(&[inside]).is_ok());
    for elsewhere in [
        "http://n8n/",
        "http://n8n:5679/",
        "http://n8n.example:5678/",
        "http://backend:5000/",
        "http://10.0.0.1:5678/",
        "http://n8n:5678@postgres/",
        "ftp://n8n:5678/",
    ] {
        assert!(Target::parse(elsewhere, beside()).is_err(), "{elsewhere}");
    }
    let public = Target::parse("https://hooks.shop.co.il/", beside()).unwrap();
    assert!(!public.may_be_private());
    assert_eq!(public.admit(&[inside]), Err(TargetError::Address));
}

#[test]
fn a_service_is_named_by_host_and_port() {
    for wrong in [
        "n8n",
        "n8n:",
        ":5678",
        "n8n:0",
        "n8n:70000",
        "N8N:5678",
        "10.0.0.1:80",
        "a b:1",
        "http://n8n:1",
    ] {
        assert!(wrong.parse::<InsideService>().is_err(), "{wrong}");
    }
    assert!("n8n:5678".parse::<InsideService>().is_ok());
    assert!("hooks.inside.lan:80".parse::<InsideService>().is_ok());
}

proptest! {
    /// However an address of four numbers is written, it is read as that address or refused.
    #[test]
    fn no_spelling_of_an_inside_address_passes(
        network in prop::sample::select(vec![0u32, 0x0a00_0000, 0x7f00_0000, 0xa9fe_0000, 0xc0a8_0000]),
        host in 0u32..0x1_0000,
        form in 0usize..6,
    ) {
        let bits = network | host;
        let [a, b, c, d] = bits.to_be_bytes();
        let written = match form {
            0 => format!("{bits}"),
            1 => format!("{bits:#x}"),
            2 => format!("0{bits:o}"),
            3 => format!("{a:#x}.{b}.0{c:o}.{d}"),
            4 => format!("{a}.{}", bits & 0x00ff_ffff),
            _ => format!("[::ffff:{a}.{b}.{c}.{d}]"),
        };
        let url = format!("https://{written}/");
        prop_assert!(Target::parse(&url, TargetPolicy::Public).is_err(), "{url}");
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(https://)?.{0,60}") {
        if let Ok(target) = Target::parse(&text, TargetPolicy::Public) {
            prop_assert_eq!(target.port(), HTTPS_PORT);
            prop_assert_eq!(target.url().scheme(), "https");
        }
    }
}
