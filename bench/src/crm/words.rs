//! Names and sentences as a small business in Israel has them.

use super::random::Random;

const HEBREW_FIRST: [&str; 48] = [
    "משה",
    "דוד",
    "יוסף",
    "אברהם",
    "דנה",
    "נועה",
    "תמר",
    "מאיה",
    "יעל",
    "שרה",
    "רחל",
    "אביגיל",
    "אורי",
    "איתי",
    "עומר",
    "יונתן",
    "דניאל",
    "אריאל",
    "נועם",
    "אדם",
    "איתן",
    "לביא",
    "רפאל",
    "שירה",
    "טליה",
    "מיכל",
    "רוני",
    "הילה",
    "ענת",
    "אסתר",
    "מרים",
    "חנה",
    "לאה",
    "רבקה",
    "שלמה",
    "יצחק",
    "יעקב",
    "אליהו",
    "חיים",
    "מרדכי",
    "מוחמד",
    "אחמד",
    "פאטמה",
    "נור",
    "יבגני",
    "סבטלנה",
    "ולדימיר",
    "אולגה",
];
const HEBREW_LAST: [&str; 48] = [
    "כהן",
    "לוי",
    "מזרחי",
    "פרץ",
    "ביטון",
    "דהן",
    "אברהם",
    "פרידמן",
    "מלכה",
    "אזולאי",
    "כץ",
    "יוסף",
    "דוד",
    "עמר",
    "אוחיון",
    "חדד",
    "גבאי",
    "בן דוד",
    "אדרי",
    "לוין",
    "טל",
    "קליין",
    "חן",
    "שפירא",
    "חזן",
    "משה",
    "אשכנזי",
    "אוחנה",
    "סגל",
    "גולן",
    "יצחק",
    "בר",
    "מור",
    "סויסה",
    "אלבז",
    "רוזן",
    "ברק",
    "הראל",
    "שלום",
    "וקנין",
    "נחום",
    "גרינברג",
    "אבו חמד",
    "ח'ורי",
    "מנסור",
    "איבנוב",
    "קוגן",
    "שטרן",
];
const ENGLISH_FIRST: [&str; 32] = [
    "David", "Sarah", "Michael", "Daniel", "Rachel", "Adam", "Dana", "Maya", "Jonathan", "Rebecca",
    "Joseph", "Emma", "Alex", "Anna", "Maria", "Olga", "Igor", "Natalie", "Ben", "Tom", "Noa",
    "Guy", "Ron", "Lior", "José", "Zoë", "Ahmed", "Leila", "Omar", "Svetlana", "Boris", "Karen",
];
const ENGLISH_LAST: [&str; 32] = [
    "Cohen", "Levi", "Friedman", "Smith", "Goldberg", "Katz", "Miller", "Shapiro", "Klein",
    "Rosen", "Stern", "Segal", "Brown", "Johnson", "Ivanov", "Petrov", "O'Brien", "Haddad",
    "Khoury", "Mansour", "Green", "Peretz", "Mizrahi", "Biton", "Azoulay", "Davidson", "Weiss",
    "Schwartz", "Barak", "Golan", "Harel", "Novak",
];
const SYLLABLES: [&str; 24] = [
    "בר", "גל", "דן", "הר", "זיו", "חי", "טו", "יר", "כר", "לב", "מי", "נת", "סל", "עד", "פז",
    "צור", "קרן", "רם", "שי", "תל", "או", "בי", "נו", "ור",
];
const COMPANIES: [&str; 16] = [
    "מוסך האחים",
    "פיצה רומא",
    "מאפיית הבוקר",
    "סטודיו לעיצוב",
    "הנדסת בניין",
    "Blue Door Ltd",
    "Sunrise Clinics",
    "חשמל ותאורה",
    "אינסטלציה בע\"מ",
    "גינון ירוק",
    "North Star Travel",
    "מרפאת שיניים",
    "קפה הפינה",
    "Acme Repairs",
    "הובלות מהירות",
    "מכון כושר",
];
const WISHES: [&str; 16] = [
    "תיקון המזגן בסלון",
    "הצעת מחיר לצביעת דירה",
    "קביעת תור לבדיקה",
    "בירור לגבי הזמנה קודמת",
    "התקנת דוד שמש",
    "A quote for the kitchen",
    "Wants to move the appointment",
    "שאלה על אחריות",
    "ביטול מנוי",
    "ייעוץ לפני רכישה",
    "Leaking tap in the bathroom",
    "שירות עד הבית",
    "החלפת צמיגים",
    "תלונה על איחור",
    "Delivery times",
    "הזמנת אירוע",
];
const SUMMARIES: [&str; 8] = [
    "הלקוח ביקש שיחזרו אליו אחרי ארבע. הוסבר לו שהטכנאי מגיע בדרך כלל תוך יומיים, והוא הסכים להמתין.",
    "The caller asked for a quote and left an address. He prefers to be called in the morning.",
    "לקוחה ותיקה, מעוניינת בהצעת מחיר מסודרת בכתב. נשלח אליה קישור.",
    "ביררה שעות פתיחה ומחירים, ותחזור לאחר שתתייעץ בבית.",
    "Wanted to know whether parking is available and how long the treatment takes.",
    "דיווח על תקלה חוזרת. חשוב לו שיגיע אותו טכנאי שהיה בפעם הקודמת.",
    "השאיר הודעה לבעל העסק בנוגע לחשבונית מהחודש שעבר.",
    "Asked to cancel Tuesday and to keep the deposit for the next visit.",
];
const STEPS: [&str; 6] = [
    "לחזור בטלפון",
    "לשלוח הצעת מחיר",
    "לקבוע תור",
    "Call back tomorrow",
    "לבדוק מלאי",
    "Send the invoice",
];
const NOTES: [&str; 8] = [
    "מעדיף הודעות בוואטסאפ",
    "קומה שלישית בלי מעלית",
    "Speaks English only",
    "לקוח קבוע, לתת הנחה",
    "החניה מאחורי הבניין",
    "לא להתקשר בשבת",
    "Has a dog",
    "שילם במזומן",
];
/// Towns, a choice among a lead's added fields.
pub(crate) const TOWNS: [&str; 6] = ["תל אביב", "ירושלים", "חיפה", "באר שבע", "נתניה", "אחר"];

/// A person's name: three in four Hebrew; every third surname is one that hardly anybody else has.
pub(crate) fn name(random: &mut Random) -> String {
    if random.percent(25) {
        let (first, last) = (
            random.pick_skewed(&ENGLISH_FIRST),
            random.pick_skewed(&ENGLISH_LAST),
        );
        return format!("{first} {last}");
    }
    let first = random.pick_skewed(&HEBREW_FIRST);
    if random.percent(33) {
        let last: String = (0..3).map(|_| random.pick(&SYLLABLES)).collect();
        return format!("{first} {last}");
    }
    format!("{first} {}", random.pick_skewed(&HEBREW_LAST))
}

/// A company's name.
pub(crate) fn company(random: &mut Random) -> String {
    let number = random.below(900) + 1;
    format!("{} {number}", random.pick(&COMPANIES))
}

/// What somebody wants.
pub(crate) fn wish(random: &mut Random) -> String {
    random.pick(&WISHES).to_owned()
}

/// What was said.
pub(crate) fn summary(random: &mut Random) -> String {
    random.pick(&SUMMARIES).to_owned()
}

/// What is to be done.
pub(crate) fn step(random: &mut Random) -> String {
    random.pick(&STEPS).to_owned()
}

/// What somebody wrote down.
pub(crate) fn note(random: &mut Random) -> String {
    random.pick(&NOTES).to_owned()
}

/// The local part of an address: letters and digits, so that it is written the same way it is stored.
pub(crate) fn mailbox(random: &mut Random, number: u64) -> String {
    let first = random.pick(&[
        "dana", "moshe", "info", "office", "noa.levi", "david", "shop", "yael.c",
    ]);
    format!("{first}{number}")
}
