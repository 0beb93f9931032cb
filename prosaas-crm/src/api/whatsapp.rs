//! `/api/wa`: a business's own link to WhatsApp.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prosaas_core::whatsapp::{LinkMethod, LinkState};
use prosaas_core::{E164, Error, ExposeSecret as _, TenantId, UnixMillis, WhatsAppTransport};
use qrcode::{Color, EcLevel, QrCode, render};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::kit::{
    ApiJson, ApiResult, ApiState, IfMatch, Needs, NoContent, Problem, Routes, Scope, Tagged, Time,
    Versioned, WithETag,
};
use crate::auth::Permission;
use crate::model::phone::parse_phone;
use crate::model::whatsapp::{AnswerHours, Strangers, WaLink, WaSettingsPatch, WaState};

/// The smallest side of the drawn code, in units of the drawing.
const LEAST_SIDE: u32 = 264;
/// The light border that a reader needs, in modules of the code.
const QUIET_ZONE: usize = 4;
/// The side of a module, in pixels: eight of one bit each are one byte.
const MODULE_SIDE: usize = 8;

/// By which way the business's WhatsApp goes.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WaWay {
    /// A phone is linked.
    Phone,
    /// A number is configured at Meta.
    Cloud,
}

/// The number at Meta, as far as everybody of the business may know it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WaCloudStatus {
    /// Meta's id of the number.
    phone_number_id: String,
    /// Whether Meta took it.
    is_on: bool,
    /// When Meta's webhook last told of it, to the minute.
    last_webhook_at: Option<Time>,
}

/// Where the business's link stands.
#[derive(Debug, Serialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the answer that a client asks about by name"
)]
pub(crate) struct WaStatus {
    /// Where it stands now.
    state: WaState,
    /// Since when, as far as it was told; another state may be younger.
    state_at: Time,
    /// Whether messages can be sent.
    ready: bool,
    /// When a refusal by WhatsApp ends, if it said.
    until: Option<Time>,
    /// The business's own number, where it is known.
    number: Option<E164>,
    /// When it last became ready.
    linked_at: Option<Time>,
    /// Whether a business links by scanning a code; otherwise it is configured.
    links_by_qr: bool,
    /// Whether a business can link by typing a code into the phone.
    links_by_pairing_code: bool,
    /// Whether writing to somebody who has not written for 24 hours takes an approved template.
    needs_templates: bool,
    /// By which way it goes.
    way: WaWay,
    /// The number at Meta, for a business that has one.
    cloud: Option<WaCloudStatus>,
}

/// A code to link by, while there is one. It is a secret: who scans it owns the link.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WaCode {
    /// Where the link stands; there is a code in `qr` and `pairing_code` alone.
    state: WaState,
    /// What the code to be scanned says.
    qr: Option<String>,
    /// The code drawn, dark on light with its quiet zone: an SVG image.
    svg: Option<String>,
    /// The same picture as a PNG image, in base64, for whoever shows no SVG.
    png_base64: Option<String>,
    /// The characters to be typed into the phone.
    pairing_code: Option<String>,
    /// Counts the codes of one attempt from 1.
    seq: Option<u32>,
    /// When the next code replaces it.
    expires_at: Option<Time>,
    /// How long that is from now, in whole seconds.
    seconds_left: Option<u32>,
    /// How many codes of this attempt are still to come.
    attempts_left: Option<u32>,
}

impl WaCode {
    fn of(link: &LinkState, now: UnixMillis) -> ApiResult<Self> {
        let mut code = Self {
            state: link.into(),
            qr: None,
            svg: None,
            png_base64: None,
            pairing_code: None,
            seq: None,
            expires_at: None,
            seconds_left: None,
            attempts_left: None,
        };
        match link {
            LinkState::Qr(qr) => {
                let text = qr.text.expose_secret();
                let left = qr.expires_at.since(now).max(0) / 1_000;
                let drawn = drawn(text)?;
                code.svg = Some(svg(&drawn));
                code.png_base64 = Some(BASE64_STANDARD.encode(png(&drawn)?));
                code.qr = Some(text.to_owned());
                code.seq = Some(qr.seq);
                code.expires_at = Some(qr.expires_at.into());
                code.seconds_left = Some(u32::try_from(left).unwrap_or(u32::MAX));
                code.attempts_left = Some(qr.attempts_left);
            }
            LinkState::PairingCode(typed) => {
                code.pairing_code = Some(typed.expose_secret().to_owned());
            }
            _ => {}
        }
        Ok(code)
    }

    /// Never kept by anybody on the way.
    fn answer(self) -> impl IntoResponse {
        let headers: [(HeaderName, HeaderValue); 1] =
            [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        (headers, Json(self))
    }
}

fn drawn(text: &str) -> ApiResult<QrCode> {
    // The cause is not repeated: it might hold the code.
    QrCode::with_error_correction_level(text, EcLevel::M)
        .map_err(|_| Problem::internal("WhatsApp's code does not fit into a QR code"))
}

fn svg(code: &QrCode) -> String {
    code.render::<render::svg::Color<'_>>()
        .min_dimensions(LEAST_SIDE, LEAST_SIDE)
        .quiet_zone(true)
        .dark_color(render::svg::Color("#000000"))
        .light_color(render::svg::Color("#ffffff"))
        .build()
}

/// Black on white, one bit a pixel, with its quiet zone.
fn png(code: &QrCode) -> ApiResult<Vec<u8>> {
    let modules = code.width();
    let width = modules + 2 * QUIET_ZONE;
    let side = width * MODULE_SIDE;
    let mut pixels = vec![0xff; width * side];
    for (number, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (column, row) = (number % modules, number / modules);
            let top = (row + QUIET_ZONE) * MODULE_SIDE;
            for line in top..top + MODULE_SIDE {
                pixels[line * width + column + QUIET_ZONE] = 0;
            }
        }
    }
    let mut image = Vec::new();
    written(&mut image, side as u32, &pixels)
        .map_err(|_| Problem::internal("the QR code could not be written as a PNG image"))?;
    Ok(image)
}

fn written(image: &mut Vec<u8>, side: u32, pixels: &[u8]) -> Result<(), png::EncodingError> {
    let mut encoder = png::Encoder::new(image, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()
}

/// How the owner wants to link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "method": "qr" }))]
pub(crate) struct LinkWish {
    /// By scanning a code, or by typing one into the phone.
    method: LinkWay,
    /// The business's own WhatsApp number, for a code to be typed.
    #[schema(max_length = 40)]
    phone: Option<String>,
}

/// A way to link.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LinkWay {
    /// A code is scanned.
    Qr,
    /// A code is typed into the phone.
    PairingCode,
}

/// What the business decided about its WhatsApp.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhatsAppSettings {
    /// Whether the agent answers.
    answers: bool,
    /// At which hours.
    answer_hours: AnswerHours,
    /// How often it answers in one conversation within 24 hours; then a person has it.
    max_answers_a_day: u32,
    /// What it is told beside the business's own instructions.
    instructions: Option<String>,
    /// Whether people who never wrote may be written to.
    strangers: Strangers,
    /// Whether the other side sees that its messages were read.
    read_receipts: bool,
    /// When they were changed last.
    updated_at: Time,
    /// Their version, for `If-Match`.
    version: u64,
}

impl Versioned for WhatsAppSettings {
    fn version(&self) -> u64 {
        self.version
    }
}

impl From<WaLink> for WhatsAppSettings {
    fn from(link: WaLink) -> Self {
        let settings = link.settings;
        Self {
            answers: settings.answers,
            answer_hours: settings.answer_hours,
            max_answers_a_day: settings.max_answers_a_day,
            instructions: settings.instructions,
            strangers: settings.strangers,
            read_receipts: settings.read_receipts,
            updated_at: link.updated_at.into(),
            version: link.version,
        }
    }
}

/// Shows where the business's WhatsApp link stands.
#[utoipa::path(get, path = "/api/wa/status",
    responses((status = 200, description = "The link.", body = WaStatus)))]
async fn get_wa_status(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<WaStatus>> {
    let transport = state.whatsapp()?;
    let can = transport.capabilities_of(scope.tenant()).await?;
    let link = state.store().wa_link(&scope).await?;
    // The transport knows best; when it does not answer, what it said last holds.
    let now = match transport.state(scope.tenant()).await {
        Ok(now) => WaState::from(&now),
        Err(error) => {
            tracing::warn!(error = %error.chain(), "the state of a WhatsApp link is not known");
            link.state
        }
    };
    Ok(Json(WaStatus {
        state: now,
        state_at: link.state_at.into(),
        ready: now == WaState::Ready,
        until: link.until.map(Time::from),
        number: link.number,
        linked_at: link.linked_at.map(Time::from),
        links_by_qr: can.links_by_qr,
        links_by_pairing_code: can.links_by_pairing_code,
        needs_templates: can.needs_templates,
        way: if can.links_by_qr {
            WaWay::Phone
        } else {
            WaWay::Cloud
        },
        cloud: link.cloud.map(|cloud| WaCloudStatus {
            phone_number_id: cloud.number.number_id,
            is_on: cloud.is_on,
            last_webhook_at: cloud.heard_at.map(Time::from),
        }),
    }))
}

/// The way to the business's phone.
///
/// # Errors
/// 409 `cloud-configured` when its WhatsApp is a number at Meta: there is no code, and nothing to be linked.
async fn phone(state: &ApiState, tenant: TenantId) -> ApiResult<&dyn WhatsAppTransport> {
    let transport = state.whatsapp()?;
    if transport.capabilities_of(tenant).await?.links_by_qr {
        return Ok(transport);
    }
    let error = Error::Conflict {
        what: "cloud-configured",
        detail: "this WhatsApp is a number at Meta: it is configured, not linked to a phone"
            .to_owned(),
    };
    Err(error.into())
}

/// Shows the code by which the business links now, if it is linking. Never cached; ask every two seconds, or
/// when the event `whatsapp.state_changed` comes.
#[utoipa::path(get, path = "/api/wa/qr",
    responses((status = 200, description = "The code, if there is one.", body = WaCode)))]
async fn get_wa_qr(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<impl IntoResponse> {
    let transport = phone(&state, scope.tenant()).await?;
    let link = transport.state(scope.tenant()).await?;
    Ok(WaCode::of(&link, state.now())?.answer())
}

/// Begins to link the business's WhatsApp, or does nothing when it is linked.
#[utoipa::path(post, path = "/api/wa/link", request_body = LinkWish,
    responses((status = 200, description = "Where it stands, with the code if there is one already.", body = WaCode)))]
async fn link_wa(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(wish): ApiJson<LinkWish>,
) -> ApiResult<impl IntoResponse> {
    let transport = phone(&state, scope.tenant()).await?;
    let store = state.store();
    let (method, word, number) = match (wish.method, wish.phone) {
        (LinkWay::Qr, None) => (LinkMethod::Qr, "qr", None),
        (LinkWay::PairingCode, Some(phone)) => {
            let region = store.phone_region(&scope).await?;
            let number = parse_phone(&phone, region)?;
            let method = LinkMethod::PairingCode(number.clone());
            (method, "pairing_code", Some(number))
        }
        (LinkWay::Qr, Some(_)) => return Err(wrong_phone("expected none: the code is scanned")),
        (LinkWay::PairingCode, None) => {
            return Err(wrong_phone(
                "expected the number whose phone the code is typed into",
            ));
        }
    };
    let asked = ("whatsapp.link_requested", Some(word));
    store
        .note_wa_request(&scope, asked, number.as_ref())
        .await?;
    let link = transport.link(scope.tenant(), method).await?;
    store.note_wa_state(&scope, &link).await?;
    Ok(WaCode::of(&link, state.now())?.answer())
}

fn wrong_phone(expected: &str) -> Problem {
    Problem::bad_request("invalid", "see `errors`").at("/phone", expected)
}

/// Ends the business's WhatsApp link. Its conversations stay.
#[utoipa::path(post, path = "/api/wa/unlink",
    responses((status = 204, description = "It is not linked.")))]
async fn unlink_wa(State(state): State<ApiState>, Scope(scope): Scope) -> ApiResult<NoContent> {
    let transport = phone(&state, scope.tenant()).await?;
    let store = state.store();
    let asked = ("whatsapp.unlink_requested", None);
    store.note_wa_request(&scope, asked, None).await?;
    transport.unlink(scope.tenant()).await?;
    store.note_wa_state(&scope, &LinkState::Unlinked).await?;
    Ok(NoContent)
}

/// Shows what the business decided about its WhatsApp.
#[utoipa::path(get, path = "/api/wa/settings",
    responses((status = 200, description = "The settings.", body = WhatsAppSettings)))]
async fn get_wa_settings(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<WithETag<WhatsAppSettings>> {
    Ok(WithETag(state.store().wa_link(&scope).await?.into()))
}

/// Changes what the business decided about its WhatsApp.
#[utoipa::path(patch, path = "/api/wa/settings", request_body = WaSettingsPatch,
    responses((status = 200, description = "As they are now.", body = WhatsAppSettings)))]
async fn update_wa_settings(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<WaSettingsPatch>,
) -> ApiResult<WithETag<WhatsAppSettings>> {
    let store = state.store();
    let changed = store.update_wa_settings(&scope, version, patch).await?;
    Ok(WithETag(changed.into()))
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::BusinessRead);
    let manage = Needs::Tenant(Permission::BusinessManage);
    Routes::tagged("whatsapp")
        .add(read, routes!(get_wa_status))
        .add(manage, routes!(get_wa_qr))
        .add(manage.secret_answer(), routes!(link_wa))
        .add(manage, routes!(unlink_wa))
        .add(read, routes!(get_wa_settings))
        .add(manage, routes!(update_wa_settings))
}
