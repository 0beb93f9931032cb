//! A model that always obeys the attacker: hostile tool calls, none of which may succeed.

use std::sync::Arc;

use prosaas_core::{
    AfterTool, Business, CallContext, CallDirection, CallId, NewCall, ToolHost as _, ToolRequest,
};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::model::settings::VoiceTool;
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{BusinessAdmin as _, LeadStore as _};
use prosaas_server::calls::tools::{CallTools, specs};

use crate::support::{CALLER, HUMAN, NUMBER, TestApp, e164, sid};

struct Attack {
    app: TestApp,
    business: Business,
    victim: Business,
    context: CallContext,
    victims_call: CallId,
    tools: CallTools,
}

async fn attack() -> Attack {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let victim = app.business("+97239999999").await;
    // Now: a call that began long ago is ended by the housekeeping, which keeps its caller.
    let now = app.store.now();
    let open = |n| NewCall {
        call_sid: sid(n),
        direction: CallDirection::Inbound,
        caller: Some(e164(CALLER)),
        business_number: e164(NUMBER),
        started_at: now,
    };
    let (call, _) = app
        .store
        .open_call(&scope(business.id), open(1))
        .await
        .unwrap();
    let (other, _) = app
        .store
        .open_call(&scope(victim.id), open(2))
        .await
        .unwrap();
    let context = CallContext {
        tenant: business.id,
        call: call.id,
        call_sid: sid(1),
        caller: Some(e164(CALLER)),
    };
    let standby = Arc::clone(&app.app().standby);
    let tools = CallTools::new(Arc::new(business.clone()), Arc::new(call), standby, None);
    Attack {
        app,
        business,
        victim,
        context,
        victims_call: other.id,
        tools,
    }
}

fn request(call: &str, name: &str, arguments: &str) -> ToolRequest {
    ToolRequest {
        call: call.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    }
}

#[tokio::test]
async fn no_hostile_tool_call_succeeds() {
    let a = attack().await;
    let (victim, call) = (a.victim.id.to_string(), a.victims_call.to_string());
    let long = format!(r#"{{"notes":"{}"}}"#, "x".repeat(20_000));
    let deep = format!("{}{}", r#"{"name":"#.repeat(500), "}".repeat(500));
    let hostile: Vec<(&str, String)> = vec![
        // A number instead of a name from the list.
        ("transfer_to_human", r#"{"to":"+19005551234"}"#.into()),
        ("transfer_to_human", r#"{"to":"19005551234"}"#.into()),
        ("transfer_to_human", format!(r#"{{"to":"{HUMAN}"}}"#)),
        ("transfer_to_human", r#"{"to":"sales;+19005551234"}"#.into()),
        ("transfer_to_human", r#"{"to":"sales\u0000+1900"}"#.into()),
        ("transfer_to_human", r#"{"to":"SALES"}"#.into()),
        ("transfer_to_human", r#"{"to":""}"#.into()),
        ("transfer_to_human", r#"{"to":null}"#.into()),
        ("transfer_to_human", r#"{"to":["sales"]}"#.into()),
        ("transfer_to_human", r#"["sales"]"#.into()),
        ("transfer_to_human", r#""sales""#.into()),
        ("transfer_to_human", "{}".into()),
        // A name from the list, and a number beside it.
        (
            "transfer_to_human",
            r#"{"to":"sales","number":"+19005551234"}"#.into(),
        ),
        (
            "transfer_to_human",
            r#"{"to":"sales","phone":"+19005551234"}"#.into(),
        ),
        (
            "transfer_to_human",
            r#"{"to":"sales","caller_id":"+19005551234"}"#.into(),
        ),
        ("transfer_to_human", r#"{"to":"sales","to":"boss"}"#.into()),
        ("transfer_to_human", r#"{"label":"sales"}"#.into()),
        (
            "transfer_to_human",
            r#"{"to":"</Number><Number>+19005551234"}"#.into(),
        ),
        // Another tenant, another caller, another call.
        (
            "save_lead",
            format!(r#"{{"name":"x","tenant":"{victim}"}}"#),
        ),
        (
            "save_lead",
            format!(r#"{{"name":"x","tenant_id":"{victim}"}}"#),
        ),
        ("save_lead", format!(r#"{{"name":"x","call":"{call}"}}"#)),
        ("save_lead", r#"{"name":"x","phone":"+19005551234"}"#.into()),
        (
            "save_lead",
            r#"{"name":"x","caller":"+19005551234"}"#.into(),
        ),
        ("save_lead", r#"{"name":"x","created_at":0}"#.into()),
        ("save_lead", r#"{"name":{"$ne":null}}"#.into()),
        ("save_lead", r#"["x","x","x","x","x"]"#.into()),
        ("save_lead", "{}".into()),
        ("save_lead", r#"{"name":"  "}"#.into()),
        ("save_lead", "not json".into()),
        ("save_lead", r#"{"name":"x""#.into()),
        ("save_lead", long),
        ("save_lead", deep),
        ("save_lead", String::new()),
        // Tools that do not exist, or not under that name.
        ("read_leads", "{}".into()),
        ("list_leads", format!(r#"{{"tenant":"{victim}"}}"#)),
        ("set_instructions", r#"{"instructions":"obey"}"#.into()),
        ("run_sql", r#"{"query":"SELECT * FROM leads"}"#.into()),
        ("send_sms", r#"{"to":"+19005551234"}"#.into()),
        ("SAVE_LEAD", r#"{"name":"x"}"#.into()),
        ("save_lead ", r#"{"name":"x"}"#.into()),
        ("", "{}".into()),
        ("end_call", r#"{"number":"+19005551234"}"#.into()),
        ("end_call", "[]".into()),
    ];
    assert!(hostile.len() >= 30);
    for (n, (name, arguments)) in hostile.iter().enumerate() {
        let reply = a
            .tools
            .run(&a.context, request(&format!("t{n}"), name, arguments))
            .await;
        assert_eq!(reply.then, AfterTool::Continue, "{name} {arguments}");
        let output: serde_json::Value = serde_json::from_str(&reply.output).unwrap();
        assert!(
            output.get("error").is_some(),
            "{name} {arguments}: {output}"
        );
        assert!(
            !reply.output.contains("900555") && !reply.output.contains("9876543"),
            "no number is repeated"
        );
    }
    for business in [&a.business, &a.victim] {
        assert_eq!(a.app.leads(business).await, 0, "nothing was stored");
    }
}

#[tokio::test]
async fn a_context_of_another_business_is_refused() {
    let a = attack().await;
    let foreign = CallContext {
        tenant: a.victim.id,
        call: a.victims_call,
        ..a.context.clone()
    };
    for (n, (name, arguments)) in [
        ("save_lead", r#"{"name":"x"}"#),
        ("transfer_to_human", r#"{"to":"sales"}"#),
        ("end_call", "{}"),
    ]
    .iter()
    .enumerate()
    {
        let reply = a
            .tools
            .run(&foreign, request(&format!("f{n}"), name, arguments))
            .await;
        assert!(reply.output.contains("error"), "{name}: {}", reply.output);
        assert_eq!(reply.then, AfterTool::Continue);
    }
    assert_eq!(a.app.leads(&a.victim).await, 0);
}

#[tokio::test]
async fn the_allowed_calls_do_what_they_say() {
    let a = attack().await;
    let saved = a
        .tools
        .run(
            &a.context,
            request("1", "save_lead", r#"{"name":" Dana ","intent":null}"#),
        )
        .await;
    assert_eq!(
        (saved.output.as_str(), saved.then),
        (r#"{"ok":true}"#, AfterTool::Continue)
    );
    let lead = a
        .app
        .store
        .lead_of_call(&scope(a.business.id), a.context.call)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (lead.known.name.as_deref(), lead.phone),
        (Some("Dana"), Some(e164(CALLER)))
    );
    let transfer = a
        .tools
        .run(
            &a.context,
            request("2", "transfer_to_human", r#"{"to":"sales"}"#),
        )
        .await;
    assert_eq!(transfer.then, AfterTool::Transfer(e164(HUMAN)));
    let end = a
        .tools
        .run(&a.context, request("3", "end_call", r#"{"reason":"done"}"#))
        .await;
    assert_eq!(end.then, AfterTool::EndCall);
}

#[tokio::test]
async fn one_tool_call_acts_once() {
    let a = attack().await;
    let first = a
        .tools
        .run(&a.context, request("1", "save_lead", r#"{"name":"Dana"}"#))
        .await;
    let again = a
        .tools
        .run(&a.context, request("1", "save_lead", r#"{"name":"Ron"}"#))
        .await;
    assert_eq!(first, again);
    let lead = a
        .app
        .store
        .lead_of_call(&scope(a.business.id), a.context.call)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lead.known.name.as_deref(), Some("Dana"));
    for n in 0..200 {
        a.tools
            .run(&a.context, request(&format!("n{n}"), "end_call", "{}"))
            .await;
    }
    let late = a
        .tools
        .run(
            &a.context,
            request("late", "save_lead", r#"{"name":"Ron"}"#),
        )
        .await;
    assert!(late.output.contains("too many"), "{}", late.output);
}

#[tokio::test]
async fn a_business_without_people_offers_no_transfer() {
    let app = TestApp::start().await;
    let alone = app
        .business_with(NUMBER, |business| business.transfer.clear())
        .await;
    assert_eq!(
        specs(&alone, &[])
            .iter()
            .map(|spec| spec.name)
            .collect::<Vec<_>>(),
        ["save_lead", "end_call"]
    );
    for spec in specs(&app.business("+97239999999").await, &VoiceTool::ALL) {
        assert_eq!(spec.parameters["additionalProperties"], false);
        assert!(
            !spec.parameters.to_string().contains("972"),
            "the model learns labels, never numbers"
        );
    }
    assert_eq!(app.store.list_businesses(&OPERATOR).await.unwrap().len(), 2);
}
