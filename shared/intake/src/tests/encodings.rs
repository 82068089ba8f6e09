//! Encodings that are known, chosen, mixed and mistaken.

use super::*;

#[test]
fn a_german_list_in_windows_1252_with_semicolons() {
    let (list, ..) = encoding_rs::WINDOWS_1252.encode(
        "Telefonnummer;Vorname;Nachname;Straße\r\n030 901820;Jörg;Müller;Grüner Weg 3\r\n0900 1234567;Rita;Groß;–\r\n",
    );
    let options = Options {
        default_country: "DE".parse().ok(),
        ..Options::default()
    };
    check_with(
        &list,
        &options,
        &expect![[r#"
            Windows1252 Semicolon: number | {{first_name}} | {{last_name}} | {{strasse}}
            2: +4930901820 first_name="Jörg" last_name="Müller" strasse="Grüner Weg 3"
            - number_premium: row 3, column A (Telefonnummer): is a premium-rate number
        "#]],
    );
}

#[test]
fn utf_16_with_and_without_a_mark() {
    let list = "number\tname\r\n+14155552671\tZoë 😀\r\n\r\n+14155552672\tतारा\r\n";
    let mut marked = vec![0xFF, 0xFE];
    marked.extend(utf16(list, true));
    check(
        &marked,
        &expect![[r#"
        Utf16Le Tab: number | {{name}}
        2: +14155552671 name="Zoë 😀"
        4: +14155552672 name="तारा"
    "#]],
    );
    check(
        utf16(list, false),
        &expect![[r#"
        Utf16Be Tab: number | {{name}}
        2: +14155552671 name="Zoë 😀"
        4: +14155552672 name="तारा"
    "#]],
    );
    check(
        utf16("sep=|\r\nnumber|name\r\n+14155552671|Zoë\r\n", true),
        &expect![[r#"
            Utf16Le Pipe: number | {{name}}
            2: +14155552671 name="Zoë"
        "#]],
    );
    let mut odd = utf16("number|name\r\n+14155552671|Zoë\r\n+14155552672|Jo", true);
    odd.push(0x61);
    check(
        &odd,
        &expect![[r#"
        Utf16Le Pipe: number | {{name}}
        2: +14155552671 name="Zoë"
        - encoding: row 3, column B (name): cannot be read in the file's encoding: save the list as UTF-8
    "#]],
    );
}

#[test]
fn utf_8_with_a_mark_and_rows_that_are_not_utf_8() {
    check(
        b"\xEF\xBB\xBFnumber,name\n+14155552671,Zo\xC3\xAB\n+14155552672,Zo\xEB\n+14155552673,\xC3,\xAB\n",
        &expect![[r#"
            Utf8 Comma: number | {{name}}
            2: +14155552671 name="Zoë"
            3: +14155552672 name="Zoë"
            - too_many_columns: row 4: has 3 cells, the header has 2: a text with a delimiter in it is not in quotes
        "#]],
    );
}

#[test]
fn what_shows_to_be_windows_1252_only_far_down() {
    let mut list = b"number,name\n".to_vec();
    for n in 0..4_000 {
        list.extend(format!("+1415555{n:04},Someone\n").bytes());
    }
    list.extend(b"+14155562671,Zo\xEB\n+14155562672,Zo\xC3\xAB\n");
    let said = read(&list, us(), 1_000);
    let last: Vec<_> = said.lines().rev().take(2).collect();
    expect![[r#"
        [
            "4003: +14155562672 name=\"Zoë\"",
            "4002: +14155562671 name=\"Zoë\"",
        ]
    "#]]
    .assert_debug_eq(&last);
}

fn coded(text: &str, label: &str) -> Vec<u8> {
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
    let (bytes, _, unknown) = encoding.encode(text);
    assert!(!unknown, "{text} is not in {label}");
    bytes.into_owned()
}

fn of(country: &str) -> Options {
    Options {
        default_country: country.parse().ok(),
        ..Options::default()
    }
}

#[test]
fn a_list_in_its_country_s_old_encoding_is_known_by_its_letters() {
    for (label, list) in [
        (
            "windows-1251",
            "phone;Имя;Город\r\n+79161234567;Александр Петров;Москва\r\n+79161234568;Екатерина;Нижний Новгород\r\n",
        ),
        (
            "koi8-u",
            "phone;Имя;Город\n+79161234567;Александр Петров;Москва\n+79161234568;Екатерина;Нижний Новгород\n",
        ),
        (
            "iso-8859-2",
            "phone,jméno,město\n+420601123456,Jiří Dvořák,Žďár nad Sázavou\n+420601123457,Šárka Němcová,Plzeň\n+48501123456,Łukasz Wiśniewski,Łódź\n",
        ),
        (
            "windows-1250",
            "phone,jméno,město\n+420601123456,Jiří Dvořák,Žďár nad Sázavou\n+420601123457,Šárka Němcová,Plzeň\n+420601123458,Tomáš Šťastný,Třebíč\n",
        ),
        (
            "iso-8859-15",
            "phone,name,ville\n+33612345678,Hélène Lefèvre,Orléans\n+33612345679,François Dupré,Besançon\n+33612345670,Loïc Béranger,Fréjus\n+33612345671,Zoé Lecœur,Sète\n",
        ),
        (
            "shift_jis",
            "電話番号,名前,住所\r\n+819012345678,山田太郎（ヤマダ・タロウ）,東京都千代田区のビル\r\n+819012345679,鈴木はなこ（スズキ・ハナコ）,大阪府大阪市\r\n",
        ),
        (
            "euc-jp",
            "phone,名前,住所\n+819012345678,山田太郎（ヤマダ・タロウ）,東京都千代田区のビル\n+819012345679,鈴木はなこ（スズキ・ハナコ）,大阪府大阪市\n",
        ),
        (
            "gb18030",
            "phone,姓名,城市\r\n+8613812345678,王小明,北京市朝阳区\r\n+8613812345679,李娜,上海市浦东新区\r\n",
        ),
        (
            "big5",
            "phone,姓名,城市\r\n+886912345678,陳怡君,臺北市信義區\r\n+886912345679,林志明,高雄市左營區\r\n",
        ),
        (
            "euc-kr",
            "phone,이름,도시\r\n+821012345678,김민수,서울특별시 강남구\r\n+821012345679,이영희,부산광역시 해운대구\r\n",
        ),
    ] {
        let mut intake = Intake::new(Options::default());
        intake.push(coded(list, label).into());
        intake.end();
        let mut words: Vec<&str> = list.lines().skip(1).collect();
        for _row in 0..words.len() {
            let Ok(Entry::Row(row)) = intake.next_entry() else {
                panic!("{label}: {:?}", intake.layout());
            };
            let expected = words.remove(0);
            for value in row.variables.values() {
                assert!(expected.contains(value), "{label}: {value}");
            }
            assert_eq!(row.variables.len(), 2, "{label}: {row:?}");
        }
        assert_eq!(intake.next_entry(), Ok(Entry::End));
        let layout = intake.layout().unwrap();
        let name = serde_json::to_value(layout.encoding).unwrap();
        assert_eq!(name, label);
        assert_eq!(layout.warnings, []);
        resumes_with(&coded(list, label), &Options::default());
    }
}

#[test]
fn an_encoding_is_chosen_by_its_name() {
    let list = "number,name\n+4930901820,Ŵyn Ŷates\n";
    let mut options = of("DE");
    options.encoding = Some(Encoding::Iso8859_14);
    check_with(
        coded(list, "iso-8859-14"),
        &options,
        &expect![[r#"
            Iso8859_14 Comma: number | {{name}}
            2: +4930901820 name="Ŵyn Ŷates"
        "#]],
    );
    // Every name in the API is one that encoding_rs has the same table for.
    for name in [
        "windows-1250",
        "windows-1251",
        "windows-1252",
        "windows-1253",
        "windows-1254",
        "windows-1255",
        "windows-1256",
        "windows-1257",
        "windows-1258",
        "windows-874",
        "iso-8859-2",
        "iso-8859-3",
        "iso-8859-4",
        "iso-8859-5",
        "iso-8859-6",
        "iso-8859-7",
        "iso-8859-8",
        "iso-8859-10",
        "iso-8859-13",
        "iso-8859-14",
        "iso-8859-15",
        "iso-8859-16",
        "koi8-r",
        "koi8-u",
        "ibm866",
        "macintosh",
        "x-mac-cyrillic",
        "shift_jis",
        "euc-jp",
        "euc-kr",
        "gb18030",
        "big5",
    ] {
        let encoding: Encoding = serde_json::from_value(name.into()).unwrap();
        let table = encoding_rs::Encoding::for_label(name.as_bytes());
        assert_eq!(encoding.table(), table, "{name}");
        assert_eq!(Encoding::of_table(table.unwrap()), Some(encoding));
    }
}

#[test]
fn a_row_in_another_encoding_than_its_file_is_repaired() {
    // A list in UTF-8 into which rows were pasted, and the other way round.
    let utf8 = "number,name\n+14155552671,Zoë Müller\n+14155552672,François\n";
    let mut list = utf8.as_bytes().to_vec();
    list.extend(coded("+14155552673,Jörg Groß\n", "windows-1252"));
    check(
        &list,
        &expect![[r#"
            Utf8 Comma: number | {{name}}
            2: +14155552671 name="Zoë Müller"
            3: +14155552672 name="François"
            4: +14155552673 name="Jörg Groß"
        "#]],
    );
    resumes(&list);
    let mut list = coded(
        "number,name\n+14155552671,Zoë Müller\n+14155552672,François\n+14155552673,Jörg\n",
        "windows-1252",
    );
    list.extend("+14155552674,Hélène Groß\n".bytes());
    check(
        &list,
        &expect![[r#"
            Windows1252 Comma: number | {{name}}
            2: +14155552671 name="Zoë Müller"
            3: +14155552672 name="François"
            4: +14155552673 name="Jörg"
            5: +14155552674 name="Hélène Groß"
        "#]],
    );
    resumes(&list);
    // What is neither is said so: a letter that was cut in two.
    check(
        b"number,name\n+14155552671,Zo\xC3\xAB\n+14155552672,M\xC3\xBCll\xC3\n",
        &expect![[r#"
            Utf8 Comma: number | {{name}}
            2: +14155552671 name="Zoë"
            - encoding: row 3, column B (name): cannot be read in the file's encoding: save the list as UTF-8
        "#]],
    );
    // Rows of a Russian list in UTF-8.
    let mut list =
        "phone;name\n+79161234567;Александр\n+79161234568;Екатерина\n+79161234560;Мария\n"
            .as_bytes()
            .to_vec();
    list.extend(coded("+79161234569;Дмитрий Соколов\n", "windows-1251"));
    check(
        &list,
        &expect![[r#"
            Utf8 Semicolon: number | {{name}}
            2: +79161234567 name="Александр"
            3: +79161234568 name="Екатерина"
            4: +79161234560 name="Мария"
            5: +79161234569 name="Дмитрий Соколов"
        "#]],
    );
}

#[test]
fn two_letters_of_chinese_are_not_taken_for_utf_8() {
    // Their bytes are those of two letters of UTF-8 as well.
    let (name, ..) = encoding_rs::GB18030.decode(&[0xC4, 0xA3, 0xC9, 0xB3]);
    let list = format!(
        "phone,姓名,城市\n+8613812345678,王小明,北京市朝阳区\n+8613812345679,李娜,上海市浦东新区\n+8613812345670,{name},\n"
    );
    let said = read(&coded(&list, "gb18030"), Options::default(), 1_000);
    assert!(said.contains(&format!("{name:?}")), "{said}");
}

#[test]
fn a_pipe_within_a_letter_is_no_delimiter() {
    // Big5 and Shift-JIS have letters whose second byte is a pipe.
    let list =
        "phone|name|memo\r\n+819012345678|ポール・マスポ|\"ポ|ポ\"\r\n+819012345679|鈴木|ポ\r\n";
    let bytes = coded(list, "shift_jis");
    assert!(bytes.windows(2).any(|pair| pair == [0x83, b'|']));
    check(
        &bytes,
        &expect![[r#"
            ShiftJis Pipe: number | {{name}} | {{memo}}
            2: +819012345678 memo="ポ|ポ" name="ポール・マスポ"
            3: +819012345679 memo="ポ" name="鈴木"
        "#]],
    );
    resumes(&bytes);
    for chunk in 1..20 {
        assert_eq!(read(&bytes, us(), chunk), read(&bytes, us(), 1_000));
    }
}

#[test]
fn names_that_look_garbled_are_warned_of() {
    for list in [
        "number,name\n+14155552671,JÃ¼rgen MÃ¼ller\n+14155552672,Bo\n",
        "number,name\n+14155552671,J\u{fffd}rgen\n",
        "number,name\n+14155552671,J?rgen M?ller\n",
        "number,name\n+14155552671,JŸrgen MŸller\n",
        "number,name\n+79161234567,РђР»РµРєСЃР°РЅРґСЂ\n",
        "number,StraÃŸe\n+14155552671,x\n",
    ] {
        let said = read(list.as_bytes(), us(), 1_000);
        assert!(
            said.contains("! column B seems to have letters of another encoding: give `encoding`, or save the list as UTF-8"),
            "{said}"
        );
    }
    for list in [
        "number,name,url\n+14155552671,Jürgen O’Neill,https://x.example/a?b=c\n",
        "number,name\n+14155552671,Ça va? Œuvre №5 – ½ l·l\n",
        "number,name\n+14155552671,Ангела Ёлкина\n",
        "number,name\n+14155552671,नमस्ते तारा\n+14155552672,สมชาย ใจดี\n+14155552673,محمد علی\n",
        "number,name\n+14155552671,山田太郎\n",
    ] {
        let said = read(list.as_bytes(), us(), 1_000);
        assert!(!said.contains('!'), "{said}");
    }
}

#[test]
fn a_row_that_grows_too_long_by_decoding_is_rejected() {
    let long = "山".repeat(15_000);
    let list = format!("phone,姓名\n+8613812345678,王小明\n+8613812345679,{long}\n");
    let options = Options {
        encoding: Some(Encoding::Gb18030),
        ..Options::default()
    };
    let said = read(&coded(&list, "gb18030"), options, 1_000);
    assert!(said.contains("- row_too_long: row 3"), "{said}");
}
