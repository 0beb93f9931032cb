//! What a store must do with what a business arranges its leads by.

use prosaas_core::ErrorClass::{Conflict, NotFound};

use super::{Fixture, Office, conflicts, ok, refuses};
use crate::model::custom_field::{CustomFieldPatch, FieldKind, NewCustomField};
use crate::model::deal::NewPipeline;
use crate::model::knowledge::{KnowledgeFilter, KnowledgeKind, KnowledgePatch, NewKnowledge};
use crate::model::note::{NewNote, NoteFilter, NotePatch};
use crate::model::page::Page;
use crate::model::patch::Replace;
use crate::model::setup::{NewStage, NewTag, StageKind, StagePatch, TagPatch};
use crate::store::CrmStore;

/// Runs every rule of this module.
pub(super) async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    stages_have_names_of_their_own_and_stay_while_used(fixture).await;
    tags_and_fields_are_the_businesss_own(fixture).await;
    a_pipeline_has_stages(fixture).await;
    notes_are_on_leads(fixture).await;
    knowledge_is_found_by_its_words(fixture).await;
}

fn stage(name: &str) -> NewStage {
    NewStage {
        name: name.to_owned(),
        kind: StageKind::Open,
        position: None,
    }
}

async fn stages_have_names_of_their_own_and_stay_while_used(
    fixture: &impl Fixture<Store = CrmStore>,
) {
    let rule = "rule `stages have names of their own and stay while used`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let first = ok(store.stages(scope).await, rule);
    assert_eq!(
        first[0].name, "new",
        "{rule}: every business begins with stages"
    );
    let added = ok(store.add_stage(scope, stage("Visited")).await, rule);
    assert!(
        added.position > first.last().map_or(0, |stage| stage.position),
        "{rule}"
    );
    conflicts(
        &store.add_stage(scope, stage("Visited")).await,
        "name-taken",
        rule,
    );
    ok(
        store.add_stage(&office.theirs, stage("Visited")).await,
        rule,
    );
    let renamed = StagePatch {
        name: Replace(Some("new".to_owned())),
        ..StagePatch::default()
    };
    let taken = store.update_stage(scope, added.id, 1, renamed).await;
    conflicts(&taken, "name-taken", rule);
    let moved = StagePatch {
        position: Replace(Some(0)),
        ..StagePatch::default()
    };
    let moved = ok(store.update_stage(scope, added.id, 1, moved).await, rule);
    assert_eq!((moved.position, moved.version), (0, 2), "{rule}");
    // The office's lead is in the first stage.
    let used = store.delete_stage(scope, first[0].id, 1).await;
    conflicts(&used, "stage-in-use", rule);
    refuses(
        &store.delete_stage(scope, added.id, 1).await,
        Conflict,
        rule,
    );
    refuses(
        &store.delete_stage(&office.theirs, added.id, 2).await,
        NotFound,
        rule,
    );
    ok(store.delete_stage(scope, added.id, 2).await, rule);
    refuses(&store.stage(scope, added.id).await, NotFound, rule);
}

async fn tags_and_fields_are_the_businesss_own(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `tags and fields are the business's own`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let new_tag = || NewTag {
        name: "VIP".to_owned(),
        color: "#00ff7a".to_owned(),
    };
    let tag = ok(store.add_tag(scope, new_tag()).await, rule);
    conflicts(&store.add_tag(scope, new_tag()).await, "name-taken", rule);
    let plain = TagPatch {
        color: Replace(Some(String::new())),
        ..TagPatch::default()
    };
    refuses(
        &store
            .update_tag(&office.theirs, tag.id, 1, plain.clone())
            .await,
        NotFound,
        rule,
    );
    let tag = ok(store.update_tag(scope, tag.id, 1, plain).await, rule);
    assert_eq!((tag.color.as_str(), tag.version), ("", 2), "{rule}");
    ok(store.delete_tag(scope, tag.id, 2).await, rule);
    assert!(ok(store.tags(scope).await, rule).is_empty(), "{rule}");
    let new_field = || NewCustomField {
        key: "size".to_owned(),
        label: "Size".to_owned(),
        kind: FieldKind::Choice,
        choices: vec!["small".to_owned(), "large".to_owned()],
        position: None,
    };
    let field = ok(store.add_custom_field(scope, new_field()).await, rule);
    assert_eq!(field.choices, ["small", "large"], "{rule}");
    let again = store.add_custom_field(scope, new_field()).await;
    conflicts(&again, "key-taken", rule);
    let archived = CustomFieldPatch {
        archived: Replace(Some(true)),
        ..CustomFieldPatch::default()
    };
    let field = ok(
        store
            .update_custom_field(scope, field.id, 1, archived)
            .await,
        rule,
    );
    assert!(field.archived_at.is_some(), "{rule}");
    refuses(
        &store.custom_field(&office.theirs, field.id).await,
        NotFound,
        rule,
    );
    ok(store.delete_custom_field(scope, field.id, 2).await, rule);
    assert!(
        ok(store.custom_fields(scope).await, rule).is_empty(),
        "{rule}"
    );
}

async fn a_pipeline_has_stages(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a pipeline has stages`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let new_pipeline = |name: &str| NewPipeline {
        name: name.to_owned(),
        position: None,
    };
    let sales = ok(store.add_pipeline(scope, new_pipeline("Sales")).await, rule);
    assert_eq!(sales.stages.len(), 3, "{rule}");
    conflicts(
        &store.add_pipeline(scope, new_pipeline("Sales")).await,
        "name-taken",
        rule,
    );
    let repairs = ok(
        store.add_pipeline(scope, new_pipeline("Repairs")).await,
        rule,
    );
    let quoted = ok(
        store.add_deal_stage(scope, sales.id, stage("quoted")).await,
        rule,
    );
    let again = store.add_deal_stage(scope, sales.id, stage("quoted")).await;
    conflicts(&again, "name-taken", rule);
    ok(
        store
            .add_deal_stage(scope, repairs.id, stage("quoted"))
            .await,
        rule,
    );
    let wrong = store.deal_stage(scope, (repairs.id, quoted.id)).await;
    refuses(&wrong, NotFound, rule);
    let foreign = store
        .add_deal_stage(&office.theirs, sales.id, stage("x"))
        .await;
    refuses(&foreign, NotFound, rule);
    ok(
        store
            .delete_deal_stage(scope, (sales.id, quoted.id), 1)
            .await,
        rule,
    );
    let listed = ok(store.pipelines(scope).await, rule);
    let names: Vec<_> = listed
        .iter()
        .map(|pipeline| pipeline.name.as_str())
        .collect();
    assert_eq!(names, ["Sales", "Repairs"], "{rule}");
    assert_eq!(listed[0].stages, sales.stages, "{rule}");
    ok(store.delete_pipeline(scope, repairs.id, 1).await, rule);
    refuses(&store.pipeline(scope, repairs.id).await, NotFound, rule);
}

async fn notes_are_on_leads(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `notes are on leads`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let new_note = || NewNote {
        lead_id: office.lead,
        body: "prefers mornings".to_owned(),
    };
    let note = ok(store.add_note(scope, new_note()).await, rule);
    refuses(
        &store.add_note(&office.theirs, new_note()).await,
        NotFound,
        rule,
    );
    let changed = NotePatch {
        body: "prefers evenings".to_owned(),
    };
    let note = ok(store.update_note(scope, note.id, 1, changed).await, rule);
    assert_eq!(
        (note.body.as_str(), note.version),
        ("prefers evenings", 2),
        "{rule}"
    );
    let filter = |deleted| NoteFilter {
        lead_id: office.lead,
        deleted,
    };
    let listed = store.notes(scope, &filter(None), Page::first(9)).await;
    assert_eq!(ok(listed, rule), std::slice::from_ref(&note), "{rule}");
    ok(store.delete_note(scope, note.id, 2).await, rule);
    let trash = store
        .notes(scope, &filter(Some(true)), Page::first(9))
        .await;
    assert_eq!(ok(trash, rule).len(), 1, "{rule}");
    ok(store.restore_note(scope, note.id).await, rule);
    refuses(&store.purge_note(scope, note.id).await, NotFound, rule);
    let another = office.another_lead(9, rule).await;
    let filter = NoteFilter {
        lead_id: another,
        deleted: None,
    };
    let none = ok(store.notes(scope, &filter, Page::first(9)).await, rule);
    assert!(none.is_empty(), "{rule}: another lead has none");
}

async fn knowledge_is_found_by_its_words(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `knowledge is found by its words`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let entry = |title: &str, body: &str| NewKnowledge {
        kind: KnowledgeKind::Question,
        title: title.to_owned(),
        body: body.to_owned(),
    };
    let price = entry("כמה עולה טיפול?", "בין 300 ל-500 שקלים");
    let price = ok(store.add_knowledge(scope, price).await, rule);
    ok(
        store
            .add_knowledge(scope, entry("Parking", "Behind the house"))
            .await,
        rule,
    );
    let found = ok(
        store.look_up_knowledge(scope, "מה עולה הטיפול", 3).await,
        rule,
    );
    assert_eq!(found, std::slice::from_ref(&price), "{rule}");
    let theirs = store
        .look_up_knowledge(&office.theirs, "מה עולה הטיפול", 3)
        .await;
    assert!(
        ok(theirs, rule).is_empty(),
        "{rule}: another business knows nothing of it"
    );
    let longer = KnowledgePatch {
        body: Replace(Some("350 שקלים".to_owned())),
        ..KnowledgePatch::default()
    };
    let price = ok(
        store.update_knowledge(scope, price.id, 1, longer).await,
        rule,
    );
    ok(store.delete_knowledge(scope, price.id, 2).await, rule);
    let found = ok(
        store.look_up_knowledge(scope, "מה עולה הטיפול", 3).await,
        rule,
    );
    assert!(
        found.is_empty(),
        "{rule}: what is in the trash is not known"
    );
    ok(store.restore_knowledge(scope, price.id).await, rule);
    let filter = KnowledgeFilter::default();
    let listed = ok(
        store.all_knowledge(scope, filter, Page::first(9)).await,
        rule,
    );
    assert_eq!(listed.len(), 2, "{rule}");
    // Four thousand characters at a time, a hundred entries fill a business's knowledge.
    let long = "א".repeat(4_000);
    let mut outcome = Ok(());
    for n in 0..110 {
        let added = store
            .add_knowledge(scope, entry(&format!("{n}"), &long))
            .await;
        outcome = added.map(drop);
        if outcome.is_err() {
            break;
        }
    }
    conflicts(&outcome, "knowledge-full", rule);
}
