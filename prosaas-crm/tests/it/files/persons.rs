//! Everything about one person as a file: whole, nobody else's, and not for long.

use prosaas_core::{Error, UnixMillis};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::{Permission, Permissions, TenantScope};
use prosaas_crm::model::batch::BatchState;
use prosaas_crm::model::id::BatchJobId;
use prosaas_crm::model::privacy::{PersonExport, SubjectRequestStatus};
use serde_json::Value;

use super::{after, run};
use crate::privacy::{NAME, SECRET, plant, scope};
use crate::support::{NOW, for_each_backend};

async fn download(store: &CrmStore, scope: &TenantScope, id: BatchJobId) -> Result<Value, Error> {
    let export = store.person_export(scope, id).await?;
    let (mut file, mut number) = (Vec::new(), 1);
    while let Some(part) = store.person_export_part(scope, id, number).await? {
        file.extend(part);
        number += 1;
    }
    assert_eq!(file.len() as u64, export.bytes);
    Ok(serde_json::from_slice(&file).unwrap())
}

fn is_missing<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::NotFound { .. }))
}

/// What hangs on no lead, no call or no conversation of the file.
fn empty_sections(file: &Value) -> Vec<String> {
    let mut empty = Vec::new();
    for of in ["leads", "calls", "conversations"] {
        let entities = file[of].as_array().unwrap();
        for (name, list) in entities[0].as_object().unwrap() {
            let is_empty = |entity: &Value| entity[name].as_array().is_none_or(Vec::is_empty);
            if list.is_array() && entities.iter().all(is_empty) {
                empty.push(format!("{of}.{name}"));
            }
        }
    }
    empty
}

#[tokio::test]
async fn an_export_holds_everything_about_one_person_for_a_week() {
    for_each_backend(|store| async move {
        let (lead, other) = plant(&store).await;
        let (ours, theirs) = (scope(1), scope(2));
        let weak = TenantScope::from_trusted_host(
            ours.tenant(),
            Permissions::all().without(Permission::PrivacyWrite),
        );
        let refused = store.begin_person_export(&weak, lead, None).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })));
        assert!(is_missing(
            &store.begin_person_export(&theirs, lead, None).await
        ));
        let requests = store
            .subject_requests(&ours, None, prosaas_crm::Page::first(9))
            .await
            .unwrap();
        let request = requests[0].id;
        let id = store
            .begin_person_export(&ours, lead, Some(request))
            .await
            .unwrap();
        assert!(is_missing(&download(&store, &ours, id).await));
        let job = after(&store, &ours, id).await;
        assert_eq!((job.state, job.done), (BatchState::Done, 1));
        let request = store.subject_request(&ours, request).await.unwrap();
        assert_eq!(request.status, SubjectRequestStatus::InProgress);
        assert_eq!(request.job_id, Some(id));

        let file = download(&store, &ours, id).await.unwrap();
        assert_eq!(file["about"]["lead_id"], lead.to_string());
        let list = |name: &str| file[name].as_array().unwrap().clone();
        assert_eq!((list("leads").len(), list("calls").len()), (3, 1));
        let call = &list("calls")[0];
        assert!(
            call["transcript"][0]["text"]
                .as_str()
                .unwrap()
                .contains(SECRET)
        );
        assert_eq!(call["recordings"][0]["state"], "stored");
        assert_eq!(list("blocks")[0]["reason"], "calls at night");
        let conversation = &list("conversations")[0];
        assert_eq!(conversation["peer_name"], NAME);
        for reason in [&call["settled_reason"], &conversation["close_reason"]] {
            assert!(reason.as_str().unwrap().contains(SECRET));
        }
        let empty = empty_sections(&file);
        assert!(empty.is_empty(), "nothing of {empty:?} was planted");
        let text = file.to_string();
        for said in [
            NAME,
            "zyxwena@canary.example",
            "identities",
            "timeline",
            "requests",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(!text.contains("Noa Other") && !text.contains(&other.to_string()));

        assert!(is_missing(&download(&store, &theirs, id).await));
        let refused = download(&store, &weak, id).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })));
        let almost = UnixMillis(NOW.0 + PersonExport::KEPT_MS - 1);
        store.forget_person_exports(&ours, almost).await.unwrap();
        assert!(download(&store, &ours, id).await.is_ok());
        let week = UnixMillis(NOW.0 + PersonExport::KEPT_MS);
        store.forget_person_exports(&ours, week).await.unwrap();
        assert!(is_missing(&download(&store, &ours, id).await));
    })
    .await;
}

#[tokio::test]
async fn an_export_of_somebody_who_went_meanwhile_says_so() {
    for_each_backend(|store| async move {
        let (_, other) = plant(&store).await;
        let ours = scope(1);
        let id = store.begin_person_export(&ours, other, None).await.unwrap();
        let lead = store.get_lead(&ours, other).await.unwrap();
        store.delete_lead(&ours, other, lead.version).await.unwrap();
        store.purge_lead(&ours, other).await.unwrap();
        run(&store).await;
        let job = store.batch(&ours, id).await.unwrap();
        assert_eq!(job.state, BatchState::Failed);
        assert_eq!(job.errors[0].code, "not-found");
    })
    .await;
}
