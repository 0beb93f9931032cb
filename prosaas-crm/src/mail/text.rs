//! What the mails say, in Hebrew and English: pure.

use prosaas_core::{ExposeSecret, Language, SecretString};

use super::MailContent;

/// A mail as it is read: a subject, plain text, and the same as HTML with its writing direction.
#[derive(Clone)]
pub struct MailText {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub plain: SecretString,
    /// HTML.
    pub html: SecretString,
}

impl std::fmt::Debug for MailText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailText")
    }
}

/// One mail before it has a form: sentences and perhaps a link.
struct Draft {
    subject: String,
    paragraphs: Vec<String>,
    link: Option<(String, &'static str)>,
}

/// Writes a mail in a language.
pub fn render(content: &MailContent, language: Language) -> MailText {
    let draft = match language {
        Language::He => hebrew(content),
        Language::En => english(content),
    };
    MailText {
        subject: one_line(&draft.subject),
        plain: SecretString::from(plain(&draft)),
        html: SecretString::from(html(&draft, language)),
    }
}

fn english(content: &MailContent) -> Draft {
    match content {
        MailContent::Invitation {
            business,
            invited_by,
            link,
        } => Draft {
            subject: format!("You are invited to {business} on ProSaaS"),
            paragraphs: vec![
                format!("{invited_by} invites you to work with {business} on ProSaaS."),
                "The link works once and for seven days. If you do not know why you got this mail, \
                 there is nothing to do."
                    .to_owned(),
            ],
            link: Some((link.expose_secret().to_owned(), "Accept the invitation")),
        },
        MailContent::PasswordReset { link } => Draft {
            subject: "A new password for ProSaaS".to_owned(),
            paragraphs: vec![
                "Somebody, probably you, asked for a new password.".to_owned(),
                "The link works once and for 30 minutes. If it was not you, there is nothing to do: \
                 your password stays as it is."
                    .to_owned(),
            ],
            link: Some((link.expose_secret().to_owned(), "Choose a new password")),
        },
        MailContent::ActingNotice {
            business,
            admin,
            reason,
            until,
        } => Draft {
            subject: format!("A system administrator is working in {business}"),
            paragraphs: vec![
                format!("{admin} has access to the data of {business} until {until} at the latest."),
                format!("The reason given: {reason}"),
                "Everything done meanwhile is in your audit log. Passwords and keys cannot be \
                 touched."
                    .to_owned(),
            ],
            link: None,
        },
        MailContent::Alert {
            business,
            headline,
            detail,
            link,
        } => Draft {
            subject: format!("{business}: {headline}"),
            paragraphs: vec![detail.clone()],
            link: Some((link.clone(), "Open")),
        },
    }
}

fn hebrew(content: &MailContent) -> Draft {
    match content {
        MailContent::Invitation {
            business,
            invited_by,
            link,
        } => Draft {
            subject: format!("הזמנה להצטרף אל {business} ב-ProSaaS"),
            paragraphs: vec![
                format!("התקבלה הזמנה מאת {invited_by} לעבוד עם {business} ב-ProSaaS."),
                "הקישור תקף לשימוש אחד ולשבעה ימים. אם ההודעה הגיעה בטעות, אין צורך לעשות דבר."
                    .to_owned(),
            ],
            link: Some((link.expose_secret().to_owned(), "קבלת ההזמנה")),
        },
        MailContent::PasswordReset { link } => Draft {
            subject: "סיסמה חדשה ל-ProSaaS".to_owned(),
            paragraphs: vec![
                "התקבלה בקשה לבחור סיסמה חדשה לחשבון הזה.".to_owned(),
                "הקישור תקף לשימוש אחד ול-30 דקות. אם הבקשה לא נשלחה מכאן, אין צורך לעשות דבר: \
                 הסיסמה נשארת כפי שהיא."
                    .to_owned(),
            ],
            link: Some((link.expose_secret().to_owned(), "בחירת סיסמה חדשה")),
        },
        MailContent::ActingNotice {
            business,
            admin,
            reason,
            until,
        } => Draft {
            subject: format!("גישת הנהלת המערכת אל {business}"),
            paragraphs: vec![
                format!("ניתנה אל {admin} גישה לנתונים של {business}, לכל היותר עד {until}."),
                format!("הסיבה שנמסרה: {reason}"),
                "כל פעולה שנעשית בינתיים נרשמת ביומן הביקורת. אין גישה לסיסמאות ולמפתחות."
                    .to_owned(),
            ],
            link: None,
        },
        MailContent::Alert {
            business,
            headline,
            detail,
            link,
        } => Draft {
            subject: format!("{business}: {headline}"),
            paragraphs: vec![detail.clone()],
            link: Some((link.clone(), "פתיחה")),
        },
    }
}

/// A name with a line break in it must not become a second header.
fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    spaced.trim().chars().take(200).collect()
}

fn plain(draft: &Draft) -> String {
    let mut text = draft.paragraphs.join("\n\n");
    if let Some((link, _)) = &draft.link {
        text.push_str("\n\n");
        text.push_str(link);
    }
    text.push('\n');
    text
}

fn html(draft: &Draft, language: Language) -> String {
    let direction = match language {
        Language::He => "rtl",
        Language::En => "ltr",
    };
    let mut body = String::new();
    for paragraph in &draft.paragraphs {
        // `dir="auto"` lets a Hebrew reason inside an English mail, and the reverse, read rightly.
        body.push_str("<p dir=\"auto\">");
        body.push_str(&escape(paragraph));
        body.push_str("</p>\n");
    }
    if let Some((link, label)) = &draft.link {
        let (link, label) = (escape(link), escape(label));
        body.push_str(
            &[
                format!("<p><a href=\"{link}\">{label}</a></p>\n"),
                format!("<p dir=\"ltr\">{link}</p>\n"),
            ]
            .concat(),
        );
    }
    let code = language.code();
    let title = escape(&one_line(&draft.subject));
    format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\" dir=\"{direction}\">\n<head><meta charset=\"utf-8\">\
         <title>{title}</title></head>\n<body dir=\"{direction}\">\n{body}</body>\n</html>\n"
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation(business: &str) -> MailContent {
        MailContent::Invitation {
            business: business.to_owned(),
            invited_by: "דנה".to_owned(),
            link: SecretString::from("https://crm.example.com/invite?token=abc&x=1"),
        }
    }

    #[test]
    fn hebrew_runs_from_the_right_and_links_from_the_left() {
        let mail = render(&invitation("מוסך דוד"), Language::He);
        let html = mail.html.expose_secret();
        assert!(html.contains("<html lang=\"he\" dir=\"rtl\">"), "{html}");
        assert!(html.contains("<p dir=\"ltr\">https://"), "{html}");
        assert!(mail.subject.contains("מוסך דוד"));
        assert!(mail.plain.expose_secret().ends_with("token=abc&x=1\n"));
    }

    #[test]
    fn english_runs_from_the_left() {
        let mail = render(&invitation("Garage"), Language::En);
        assert!(mail.html.expose_secret().contains("dir=\"ltr\">"));
        assert!(mail.subject.contains("Garage"));
    }

    #[test]
    fn a_name_can_neither_add_a_header_nor_mark_up() {
        let mail = render(&invitation("A\r\nBcc: x@example.com<script>"), Language::En);
        assert!(!mail.subject.contains(['\r', '\n']));
        assert!(!mail.html.expose_secret().contains("<script>"));
    }

    #[test]
    fn every_mail_has_both_languages() {
        let link = SecretString::from("https://example.com");
        let mails = [
            invitation("B"),
            MailContent::PasswordReset { link },
            MailContent::ActingNotice {
                business: "B".to_owned(),
                admin: "Ada".to_owned(),
                reason: "ticket 17".to_owned(),
                until: "12:30".to_owned(),
            },
            MailContent::Alert {
                business: "B".to_owned(),
                headline: "h".to_owned(),
                detail: "d".to_owned(),
                link: "https://example.com".to_owned(),
            },
        ];
        for mail in mails {
            let (he, en) = (render(&mail, Language::He), render(&mail, Language::En));
            assert!(he.html.expose_secret() != en.html.expose_secret());
            assert_eq!(format!("{he:?}"), "MailText");
        }
    }
}
