//! The ids of the CRM: UUIDv7 with a printed prefix, one type a kind of thing.

use prosaas_core::typed_id;

typed_id! {
    /// A person who signs in; a user may be a member of several businesses.
    UserId, "user"
}
typed_id! {
    /// A signed-in browser, as its owner sees it in the list; not the secret that proves it.
    SessionId, "sess"
}
typed_id! {
    /// A `system_admin` acting for a business, from its beginning to its end.
    ActingId, "act"
}
typed_id! {
    /// An API key, without its secret.
    ApiKeyId, "key"
}
typed_id! {
    /// A registered passkey.
    PasskeyId, "pk"
}
typed_id! {
    /// A short text the agent may look up.
    KnowledgeId, "know"
}
typed_id! {
    /// A number or prefix that is not answered.
    BlockId, "block"
}
typed_id! {
    /// A day on which a business keeps other hours.
    HolidayId, "hol"
}
typed_id! {
    /// A reply that is kept ready.
    ReplyId, "reply"
}
typed_id! {
    /// One of the ways a lead is recognised: a number, a WhatsApp id, an e-mail address.
    IdentityId, "ident"
}
typed_id! {
    /// A stage a lead passes through.
    StageId, "stage"
}
typed_id! {
    /// A tag on leads.
    TagId, "tag"
}
typed_id! {
    /// A field that a business added to its leads.
    CustomFieldId, "field"
}
typed_id! {
    /// A note on a lead.
    NoteId, "note"
}
typed_id! {
    /// Something to be done, by somebody, by a time.
    TaskId, "task"
}
typed_id! {
    /// A booked time.
    AppointmentId, "appt"
}
typed_id! {
    /// A pipeline of deals.
    PipelineId, "pipe"
}
typed_id! {
    /// A stage of a pipeline.
    DealStageId, "dstage"
}
typed_id! {
    /// A deal.
    DealId, "deal"
}
typed_id! {
    /// A payment, asked for or received.
    PaymentId, "pay"
}
typed_id! {
    /// Something the agent said somebody will do.
    PromiseId, "prom"
}
typed_id! {
    /// A conversation by text, such as a WhatsApp chat.
    ConversationId, "conv"
}
typed_id! {
    /// A message of a conversation.
    MessageId, "msg"
}
typed_id! {
    /// One entry of a lead's timeline.
    TimelineId, "tl"
}
typed_id! {
    /// A consent given or withdrawn.
    ConsentId, "cons"
}
typed_id! {
    /// One entry of the audit log.
    AuditId, "audit"
}
typed_id! {
    /// Long work with progress, running or over.
    BatchJobId, "batch"
}
typed_id! {
    /// A merge of two leads that can be undone.
    MergeId, "merge"
}
typed_id! {
    /// A saved deletion that can be undone for a while.
    UndoId, "undo"
}
typed_id! {
    /// A person's request for his data, or for its erasure.
    SubjectRequestId, "dsr"
}
typed_id! {
    /// An address that is told of events by webhook.
    WebhookId, "hook"
}
typed_id! {
    /// A browser that a member is told of calls on.
    PushSubscriptionId, "push"
}
typed_id! {
    /// One attempt to deliver a webhook.
    DeliveryId, "dlv"
}
