//! The words that the policy knows, in Hebrew, English, Russian and Arabic.
//!
//! A list is its words with spaces between, a language a line. They are compared as `words` writes them: without points
//! and quotation marks. What people draw out stands with every letter once.

/// Sounds and words that fill a pause while somebody thinks.
pub(super) const FILLERS: &str = "\
    אה אמ אמם מ מם המ המם אהמ אהם כאילו \
    um uh er erm hm ehm eh \
    э эм м ну хм \
    اه ام يعني";

/// Phrases that fill a pause, of two words and more.
pub(super) const FILLER_PHRASES: &[&[&str]] = &[
    &["איך", "אומרים"],
    &["איך", "קוראים", "לזה"],
    &["איך", "אני", "אגיד"],
    &["זאת", "אומרת"],
    &["בוא", "נגיד"],
    &["בואי", "נגיד"],
    &["you", "know"],
    &["i", "mean"],
    &["как", "его"],
    &["как", "сказать"],
];

/// Sounds and words of somebody who listens and agrees.
pub(super) const AGREEMENT: &str = "\
    כן נכון אהא אוקי אוקה בסדר טוב הבנתי יופי מעולה סבבה בדיוק ברור נהדר מצוין מצוינ בטח הא \
    מהמ אחלה \
    yes yeah yep ok okay right sure mhm huh uhuh great good fine \
    да ага угу ясно понятно хорошо ок \
    نعم ايوه أيوه تمام طيب ماشي اوكي أه";

/// Words that ask for a moment. Most have other meanings as well; see `asks_for_time`.
pub(super) const PAUSES: &str = "\
    רגע רגעון שניה דקה שניונת חכה חכי חכו תחכה תחכי המתן המתיני \
    second sec moment minute wait hold hang \
    секунду секундочку минуту минутку минуточку момент подождите подожди погодите \
    لحظة لحظه ثانية ثانيه دقيقة دقيقه استنى استني استنا";

/// Words that stand around those.
pub(super) const AROUND_PAUSES: &str = "\
    רק אחד אחת תן תני תנו לי בבקשה סליחה אז איתי \
    one a just please give me on sorry let for \
    одну один только пожалуйста так сейчас извините \
    بس واحدة واحده لو سمحت سمحتي من فضلك";

/// Somebody who is given one of those words has asked for it, whatever he said before.
pub(super) const GIVE: &str = "תן תני תנו חכה חכי חכו תחכה תחכי המתן המתיני give";

/// Behind these, "rega" is a time and not a request.
pub(super) const BEFORE_A_TIME: &str = "\
    כל לפני באותו אותו עוד בכל איזה של עד תוך בעוד מאותו";

/// In the first person: what somebody does who asks for a moment.
pub(super) const LOOKING: &str = "\
    בודק בודקת מחפש מחפשת מסתכל מסתכלת מביא מביאה רושם רושמת פותח פותחת מוצא מוצאת אבדוק \
    אסתכל אחפש אביא לוקח לוקחת יוצא יוצאת עוצר עוצרת נכנס נכנסת מוציא מוציאה";

/// "Let me ..." in English.
pub(super) const LET_ME: &str = "check see look find get think grab";

/// Words with which no sentence ends.
pub(super) const CONJUNCTIONS: &str = "\
    אבל או כי ש כש וגם של את על אל בין עד לפני בגלל למרות כדי איזשהו איזושהי כמו בלי אצל ואז \
    אז שאני שהוא שהיא ואני והוא והיא עם אם בשביל מול ליד ואת ועם לגבי \
    and or but because so the an of with if my from \
    и а но или чтобы если в на с у для по к потому \
    و أو او لكن لأن لان عشان في على مع إذا اذا";

/// Pairs that end a sentence although their second word does not elsewhere.
pub(super) const WHOLE_PAIRS: &[[&str; 2]] = &[
    ["מי", "את"],
    ["מה", "את"],
    ["איפה", "את"],
    ["גם", "את"],
    ["וגם", "את"],
    ["זאת", "את"],
    ["think", "so"],
    ["hope", "so"],
    ["guess", "so"],
];

/// A person with whom a sentence begins rather than ends.
pub(super) const PERSONS: &str = "אני אנחנו ואנחנו שאנחנו";

/// Before these persons a sentence may well end.
pub(super) const BEFORE_PERSONS: &str = "גם זה רק לא כמו וגם זו פה כאן הנה";

/// What callers give as words of their own: "my number is".
pub(super) const GIVEN: &str = "\
    מספר המספר הטלפון טלפון הנייד הכתובת כתובת השם המייל number name address phone email \
    номер имя адрес телефон";

/// Behind which it follows.
pub(super) const IS: &str = "הוא היא זה is это";

/// The caller's own phone.
pub(super) const OWN_PHONE: &str = "\
    הטלפון הנייד המספר מספר טלפון phone number номер телефон رقمي الرقم";

/// A short number is dialled with a star.
pub(super) const STAR: &str = "כוכבית star";

/// A street follows.
pub(super) const STREETS: &str = "\
    רחוב ברחוב מרחוב לרחוב רח ברח שדרות בשדרות שד סמטת בסמטת";

/// A number follows within an address.
pub(super) const PARTS_OF_HOUSES: &str = "דירה קומה כניסה בניין בית מספר";

/// With these, what was said needs no number of a house, or is no address.
pub(super) const NO_HOUSE_NUMBER: &str = "\
    אין בלי לא יודע יודעת זוכר זוכרת ליד מול פינת קיבוץ בקיבוץ מושב במושב צומת קניון בקניון \
    כפר בכפר למה שאלה רוצה צריך צריכה אתמול היום שלי שלנו הזה יש מחר שם no dont near corner \
    kibbutz moshav why want не";

/// The agent asks for something.
pub(super) const ASKS: &str = "\
    מה מהו מהי ומה אפשר לאיזה באיזה איזה תן תני תוכל תוכלי אשמח נשמח צריך צריכה אצטרך אבקש \
    איפה היכן לאיפה ואיפה לאן \
    what whats may can could which give where \
    какой какое подскажите скажите где назовите \
    ما شو ممكن وين اعطيني";

/// For a phone number.
pub(super) const PHONES: &str = "\
    טלפון הטלפון לטלפון נייד הנייד phone mobile телефон телефона هاتف هاتفك الهاتف تلفون \
    تلفونك";

/// For a number.
pub(super) const NUMBERS: &str = "מספר המספר למספר number номер رقم رقمك";

/// For the number of an identity card.
pub(super) const IDENTITY: &str = "זהות הזהות תז identity id הויה هوية";

/// A number that is neither.
pub(super) const OTHER_NUMBERS: &str = "\
    הזמנה ההזמנה רכב הרכב רישוי הרישוי לקוח הלקוח חשבון החשבון אנשים האנשים סועדים הסועדים \
    חדרים החדרים הבית הדירה order account people";

/// For an address.
pub(super) const ADDRESSES: &str = "\
    כתובת הכתובת לכתובת רחוב הרחוב גר גרה גרים address street адрес عنوان عنوانك العنوان";

/// For an address in another sense.
pub(super) const OTHER_ADDRESSES: &str = "מייל המייל אימייל email mail דואל";

/// Who reads something back asks only whether it is right.
pub(super) const CONFIRMS: &str = "נכון הנכון נכונה correct right верно صحيح";

/// Words of one language that people say in every other.
pub(super) const BORROWED: &str = "\
    אוקיי אוקי ok okay bye hi hello sorry whatsapp gmail email mail google facebook \
    instagram waze zoom sms wifi at dot com il net co pdf online yes no super ок окей алло \
    шалом שלום יאללה אוקה يلا اوكي شالوم";

/// To ask for a language, somebody asks to speak in it.
pub(super) const SPEAK: &str = "\
    אפשר לדבר נדבר דבר דברי תדבר תדברי תוכל תוכלי speak talk можно говорите давайте ممكن \
    احكي نحكي";
