//! How a file is written, and how much of it is taken.

use serde::{Deserialize, Serialize};

/// The largest file. One upload to S3 takes 5 GB; beyond 2 GB a list is better split by its owner.
pub const FILE_BYTES_MAX: u64 = 2_000_000_000;
/// The most text in one row, in the file and as UTF-8.
///
/// A hundred such rows still fit into one transaction of the table. A longer row is rejected; a quote that is
/// open by then is taken for one that is never closed.
pub const ROW_BYTES_MAX: usize = 32 * 1024;

/// How the bytes of a file stand for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Encoding {
    #[serde(rename = "utf-8")]
    Utf8,
    /// Nothing but ASCII in the sample.
    #[serde(rename = "ascii")]
    Ascii,
    #[serde(rename = "utf-16le")]
    Utf16Le,
    #[serde(rename = "utf-16be")]
    Utf16Be,
    #[serde(rename = "windows-1250")]
    Windows1250,
    #[serde(rename = "windows-1251")]
    Windows1251,
    /// As ISO-8859-1 is read everywhere.
    #[serde(rename = "windows-1252")]
    Windows1252,
    #[serde(rename = "windows-1253")]
    Windows1253,
    /// As ISO-8859-9 is read everywhere.
    #[serde(rename = "windows-1254")]
    Windows1254,
    #[serde(rename = "windows-1255")]
    Windows1255,
    #[serde(rename = "windows-1256")]
    Windows1256,
    #[serde(rename = "windows-1257")]
    Windows1257,
    #[serde(rename = "windows-1258")]
    Windows1258,
    #[serde(rename = "windows-874")]
    Windows874,
    #[serde(rename = "iso-8859-2")]
    Iso8859_2,
    #[serde(rename = "iso-8859-3")]
    Iso8859_3,
    #[serde(rename = "iso-8859-4")]
    Iso8859_4,
    #[serde(rename = "iso-8859-5")]
    Iso8859_5,
    #[serde(rename = "iso-8859-6")]
    Iso8859_6,
    #[serde(rename = "iso-8859-7")]
    Iso8859_7,
    #[serde(rename = "iso-8859-8")]
    Iso8859_8,
    #[serde(rename = "iso-8859-10")]
    Iso8859_10,
    #[serde(rename = "iso-8859-13")]
    Iso8859_13,
    #[serde(rename = "iso-8859-14")]
    Iso8859_14,
    #[serde(rename = "iso-8859-15")]
    Iso8859_15,
    #[serde(rename = "iso-8859-16")]
    Iso8859_16,
    #[serde(rename = "koi8-r")]
    Koi8R,
    #[serde(rename = "koi8-u")]
    Koi8U,
    #[serde(rename = "ibm866")]
    Ibm866,
    #[serde(rename = "macintosh")]
    Macintosh,
    #[serde(rename = "x-mac-cyrillic")]
    MacCyrillic,
    #[serde(rename = "shift_jis")]
    ShiftJis,
    #[serde(rename = "euc-jp")]
    EucJp,
    #[serde(rename = "euc-kr")]
    EucKr,
    /// With GBK and GB 2312, which are parts of it.
    #[serde(rename = "gb18030")]
    Gb18030,
    #[serde(rename = "big5")]
    Big5,
}

impl Encoding {
    /// Those that a table of `encoding_rs` reads, cell by cell.
    const OF_TABLES: [Self; 32] = [
        Self::Windows1250,
        Self::Windows1251,
        Self::Windows1252,
        Self::Windows1253,
        Self::Windows1254,
        Self::Windows1255,
        Self::Windows1256,
        Self::Windows1257,
        Self::Windows1258,
        Self::Windows874,
        Self::Iso8859_2,
        Self::Iso8859_3,
        Self::Iso8859_4,
        Self::Iso8859_5,
        Self::Iso8859_6,
        Self::Iso8859_7,
        Self::Iso8859_8,
        Self::Iso8859_10,
        Self::Iso8859_13,
        Self::Iso8859_14,
        Self::Iso8859_15,
        Self::Iso8859_16,
        Self::Koi8R,
        Self::Koi8U,
        Self::Ibm866,
        Self::Macintosh,
        Self::MacCyrillic,
        Self::ShiftJis,
        Self::EucJp,
        Self::EucKr,
        Self::Gb18030,
        Self::Big5,
    ];

    /// The table that its cells are read with; none for ASCII and the encodings of Unicode.
    pub(crate) const fn table(self) -> Option<&'static encoding_rs::Encoding> {
        Some(match self {
            Self::Utf8 | Self::Ascii | Self::Utf16Le | Self::Utf16Be => return None,
            Self::Windows1250 => encoding_rs::WINDOWS_1250,
            Self::Windows1251 => encoding_rs::WINDOWS_1251,
            Self::Windows1252 => encoding_rs::WINDOWS_1252,
            Self::Windows1253 => encoding_rs::WINDOWS_1253,
            Self::Windows1254 => encoding_rs::WINDOWS_1254,
            Self::Windows1255 => encoding_rs::WINDOWS_1255,
            Self::Windows1256 => encoding_rs::WINDOWS_1256,
            Self::Windows1257 => encoding_rs::WINDOWS_1257,
            Self::Windows1258 => encoding_rs::WINDOWS_1258,
            Self::Windows874 => encoding_rs::WINDOWS_874,
            Self::Iso8859_2 => encoding_rs::ISO_8859_2,
            Self::Iso8859_3 => encoding_rs::ISO_8859_3,
            Self::Iso8859_4 => encoding_rs::ISO_8859_4,
            Self::Iso8859_5 => encoding_rs::ISO_8859_5,
            Self::Iso8859_6 => encoding_rs::ISO_8859_6,
            Self::Iso8859_7 => encoding_rs::ISO_8859_7,
            Self::Iso8859_8 => encoding_rs::ISO_8859_8,
            Self::Iso8859_10 => encoding_rs::ISO_8859_10,
            Self::Iso8859_13 => encoding_rs::ISO_8859_13,
            Self::Iso8859_14 => encoding_rs::ISO_8859_14,
            Self::Iso8859_15 => encoding_rs::ISO_8859_15,
            Self::Iso8859_16 => encoding_rs::ISO_8859_16,
            Self::Koi8R => encoding_rs::KOI8_R,
            Self::Koi8U => encoding_rs::KOI8_U,
            Self::Ibm866 => encoding_rs::IBM866,
            Self::Macintosh => encoding_rs::MACINTOSH,
            Self::MacCyrillic => encoding_rs::X_MAC_CYRILLIC,
            Self::ShiftJis => encoding_rs::SHIFT_JIS,
            Self::EucJp => encoding_rs::EUC_JP,
            Self::EucKr => encoding_rs::EUC_KR,
            Self::Gb18030 => encoding_rs::GB18030,
            Self::Big5 => encoding_rs::BIG5,
        })
    }

    /// The one that a table belongs to.
    pub(crate) fn of_table(table: &'static encoding_rs::Encoding) -> Option<Self> {
        let table = if table == encoding_rs::GBK {
            encoding_rs::GB18030
        } else if table == encoding_rs::ISO_8859_8_I {
            encoding_rs::ISO_8859_8
        } else {
            table
        };
        Self::OF_TABLES
            .into_iter()
            .find(|encoding| encoding.table() == Some(table))
    }

    pub(crate) const fn is_utf16(self) -> bool {
        matches!(self, Self::Utf16Le | Self::Utf16Be)
    }

    /// Characters of several bytes, whose second one may be any of ASCII from `0` on, `|` among them; none
    /// is a quote, a comma, a semicolon, a tab or an end of line. Says which bytes begin such a character.
    pub(crate) const fn begins_pair(self, byte: u8) -> bool {
        match self {
            Self::ShiftJis => matches!(byte, 0x81..=0x9F | 0xE0..=0xFC),
            Self::Gb18030 | Self::Big5 => matches!(byte, 0x81..=0xFE),
            Self::Utf8
            | Self::Ascii
            | Self::Utf16Le
            | Self::Utf16Be
            | Self::Windows1250
            | Self::Windows1251
            | Self::Windows1252
            | Self::Windows1253
            | Self::Windows1254
            | Self::Windows1255
            | Self::Windows1256
            | Self::Windows1257
            | Self::Windows1258
            | Self::Windows874
            | Self::Iso8859_2
            | Self::Iso8859_3
            | Self::Iso8859_4
            | Self::Iso8859_5
            | Self::Iso8859_6
            | Self::Iso8859_7
            | Self::Iso8859_8
            | Self::Iso8859_10
            | Self::Iso8859_13
            | Self::Iso8859_14
            | Self::Iso8859_15
            | Self::Iso8859_16
            | Self::Koi8R
            | Self::Koi8U
            | Self::Ibm866
            | Self::Macintosh
            | Self::MacCyrillic
            | Self::EucJp
            | Self::EucKr => false,
        }
    }

    /// Whether pairs of its letters often look like letters of UTF-8 with two bytes; letters of the same
    /// languages have three there.
    pub(crate) const fn resembles_utf8(self) -> bool {
        matches!(
            self,
            Self::ShiftJis
                | Self::EucJp
                | Self::EucKr
                | Self::Gb18030
                | Self::Big5
                | Self::Windows874
        )
    }
}

/// How a file's rows are read: as most of them are written, or as the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encodings {
    pub(crate) file: Encoding,
    /// Of cells that are not in UTF-8, in a file that is.
    pub(crate) fallback: Encoding,
}

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Delimiter {
    Comma,
    Semicolon,
    Tab,
    Pipe,
}

impl Delimiter {
    pub(crate) const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }
}
