//! What is a request and what is not, language by language. A line that is misunderstood fails the test.

use super::*;

fn check(asks: &str, innocent: &str) {
    let split = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    let missed: Vec<_> = split(asks)
        .into_iter()
        .filter(|line| !is_asked(line))
        .collect();
    let wrong: Vec<_> = split(innocent)
        .into_iter()
        .filter(|line| is_asked(line))
        .collect();
    assert!(
        missed.is_empty() && wrong.is_empty(),
        "\nMISSED {}:\n{}\nWRONGLY TAKEN {}:\n{}",
        missed.len(),
        missed.join("\n"),
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn english() {
    check(
        "
        Stop calling me.
        Stop calling.
        Please stop calling.
        Please stop calling me!
        Can you stop calling me?
        Could you please stop calling this number?
        I want you to stop calling me.
        I need you guys to stop calling here.
        You need to stop calling me.
        Just stop calling, okay?
        Quit calling me.
        Quit calling here.
        Stop contacting me.
        Stop bothering me.
        Stop harassing me.
        Stop phoning me.
        Stop ringing me.
        Stop with the calls.
        Stop these calls.
        Stop all calls please.
        Not interested, stop calling.
        I'm not interested stop calling me
        Stop texting me.
        Do not call me again.
        Don't call me again.
        Don't call again.
        Don't call here again.
        Don't ever call me again.
        Don't you ever call here again.
        Don't you dare call me again.
        Never call me again.
        Never call this number again.
        Please don't call me anymore.
        Do not call this number anymore.
        Do not call me any more.
        Please do not contact me again.
        Don't contact me anymore.
        Don't call me.
        Do not call me.
        Please do not call.
        Don't call me back.
        Don't call back please.
        Don't call this number.
        Please don't call here, thank you.
        Don't phone me again.
        Do not ring me again.
        I told you not to call me.
        I already told you guys not to call.
        I've asked you not to call here.
        I told you to stop calling.
        I said don't call me again.
        I said stop calling me.
        I'm telling you don't call me anymore.
        No more calls.
        No more calls please.
        No more phone calls.
        No further contact.
        Take me off your list.
        Take me off the list.
        Take me off this list please.
        Please take me off your calling list.
        Take my name off your list.
        Take my number off your list.
        Take us off your list.
        Can you take me off your list?
        Could you take my name off the call list?
        Just take me off your marketing list.
        Get me off your list.
        Get me off this stupid list.
        Take me off your database.
        Take me out of your system.
        Take my number out of your database.
        Take me off.
        Please take me off, okay?
        Take me off all of your lists.
        I want to be taken off your list.
        I want off your list.
        I'd like to be removed from your list.
        I would like to be removed.
        I need to be taken off this list.
        Remove me from your list.
        Remove me from your database.
        Remove me from the list please.
        Please remove me.
        Remove me.
        Remove my number.
        Remove my number from your list.
        Please remove my phone number.
        Can you remove my name from your list?
        Remove my information.
        Delete my number.
        Delete my phone number from your system.
        Please delete my contact.
        Erase my number.
        Lose my number.
        Forget my number.
        Cross me off your list.
        Strike my name from your list.
        Scratch me off your list.
        Put me on your do not call list.
        Put me on the do not call list.
        Put my number on the do not call list.
        Add me to your do-not-call list.
        Please add my number to the do not call registry.
        Place us on your internal do not call list.
        Put me on your DNC.
        I'm on the do not call list.
        I am on the national do not call registry.
        We are on the do not call list, you know.
        Unsubscribe.
        Unsubscribe me.
        Please unsubscribe me from this.
        I want to unsubscribe.
        How do I unsubscribe?
        Opt out.
        Opt me out.
        I want to opt out.
        I'd like to opt out of these calls.
        I'm opting out.
        Leave me alone.
        Just leave me alone please.
        Leave us alone.
        I don't want any more calls.
        I don't want any calls from you.
        I don't want these calls anymore.
        I do not want to receive any more calls.
        I don't want to be called again.
        I don't want to be contacted anymore.
        I don't want you calling me.
        I don't want you to call me anymore.
        I don't want you guys calling here.
        I don't want you people calling my house.
        I do not want to be bothered again.
        We don't want any further calls.
        I don't want to get these calls.
        Cease and desist.
        I revoke my consent.
        I am withdrawing my consent.
        Look, I'm busy, take me off your list, thanks.
        No thank you. Take me off your list. Goodbye.
        Wrong number, don't call again.
        Yeah hi um please um stop calling me
        We've had five calls this week. Stop calling us.
        Would you please take me off of your list
        STOP CALLING ME
        take me off your list.
        Hello? No. Don’t call me again.
        My mother died, please remove her, and do not call this number again.
        ",
        "
        Hello?
        Yes.
        No.
        Stop.
        Stop, wait a second.
        Don't stop.
        Don't stop calling me.
        Please don't stop calling.
        Never stop calling me, I love it.
        I didn't ask you to stop calling.
        I'm not asking you to stop calling me.
        I never said stop calling.
        I'm not saying don't call me again.
        I can't stop by today.
        I can't stop by, call me tomorrow.
        I'll stop by on Tuesday.
        I will stop calling them myself.
        When did they stop calling?
        Let me stop you there.
        Take me off hold.
        Please take me off hold.
        Can you take me off speaker?
        Take me off mute.
        Take my number and call me back.
        Take my number down please.
        Let me take my coat off.
        Please call me again.
        Please call me again tomorrow.
        Call me back later.
        Don't call me now, call me tomorrow.
        Don't call me now.
        Don't call me today.
        Don't call me before nine.
        Please don't call before noon.
        Don't call after eight.
        Do not call me at work, call my cell.
        Don't call me so early.
        Don't call me while I'm driving.
        Don't call me until Monday.
        Please do not call me on Sunday.
        Don't call me this week.
        Don't call me Bob.
        Don't call me sir.
        Don't call me a liar.
        Don't call it that.
        Stop calling me Bob.
        Stop calling me sir.
        Stop calling me names.
        Stop calling it a problem.
        Why don't you call me again tomorrow?
        Why don't you call me back?
        You don't have to call me again.
        You don't need to call me back.
        I don't call people back.
        They don't call me anymore.
        My kids never call me anymore.
        He doesn't call again.
        If I don't call you again, it's fine.
        I'm not interested.
        Not interested, thanks.
        No thank you.
        I'm busy right now.
        I'm driving, call me later.
        Can you call me later?
        I'd like to remove an item from my order.
        Can you remove my appointment?
        Remove my name from the reservation.
        Please remove my name from the waiting list.
        Please delete my appointment.
        Put me on the list.
        Put me on the waiting list.
        Add me to your list.
        Add me to your mailing list.
        Am I on the list?
        Is my name on the list?
        Take me through the list.
        What's on your list?
        Can I opt out of the extra coverage?
        I don't want to opt out.
        I didn't opt out.
        What happens if I opt out?
        I don't want to unsubscribe.
        Don't unsubscribe me.
        Don't take me off your list.
        Please don't remove me from the list.
        Don't delete my number.
        I don't want to be removed from the list.
        I want to be called back.
        I want more calls like this.
        I don't want to call you again and again, so tell me now.
        I don't want to be called before nine.
        I don't want it.
        I don't want the blue one.
        I don't want any more coffee.
        No more for me.
        No more questions.
        There are no more appointments?
        Don't hang up.
        Don't leave me alone with this, call me tomorrow.
        Do not forget to call me again.
        Who is calling?
        Why are you calling me?
        Did you call me before?
        Have you called my wife?
        You called me yesterday.
        Thanks for calling.
        Thanks for calling me again.
        I'm glad you called again.
        I'll call you again.
        I will never forget this.
        Sorry, I missed your call.
        Please contact me by email.
        Please contact my lawyer.
        How did you get my number?
        Where did you get my name?
        What list did you get me from?
        My number is five five five one two.
        That's not my number.
        I lost my number.
        I forgot my number.
        I lost my information packet.
        Cancel my appointment.
        Stop the appointment reminder for today only.
        End of story.
        Let's stop here.
        Stop talking so fast.
        Stop, I need to get a pen.
        ",
    );
}

#[test]
fn spanish() {
    check(
        "
        No me llame más.
        No me llamen más.
        No me llames más.
        Por favor no me llamen más.
        No me llame nunca más.
        No me llamen otra vez.
        No me llame de nuevo.
        No llamen más.
        No llame más a este número.
        No me vuelva a llamar.
        No me vuelvan a llamar.
        No vuelvan a llamar.
        No vuelva a llamarme.
        No vuelvas a llamarme nunca.
        Nunca más me llamen.
        Nunca me vuelvan a llamar.
        Deje de llamarme.
        Dejen de llamarme.
        Deja de llamar.
        Ya dejen de molestar.
        Dejen de molestarme por favor.
        Paren de llamar.
        No me moleste más.
        No me molesten más.
        No me contacten más.
        No me marque más.
        No me llame.
        No me llamen, por favor.
        Quíteme de su lista.
        Quítenme de la lista.
        Por favor, quíteme de su lista.
        Sáqueme de su lista.
        Sáquenme de la base de datos.
        Bórreme de su lista.
        Bórrenme de su sistema.
        Elimíneme de su lista.
        Elimínenme de la lista de llamadas.
        Retíreme de su lista.
        Borre mi número.
        Borren mi número de su sistema.
        Elimine mi número.
        Elimine mi nombre de la lista.
        Quite mi número.
        Quiten mi nombre de su lista.
        Quiero que me quiten de la lista.
        Quiero que borren mi número.
        No quiero que me llamen más.
        No quiero que me vuelvan a llamar.
        No quiero más llamadas.
        No quiero recibir más llamadas.
        No quiero recibir llamadas.
        No deseo recibir más llamadas.
        Deme de baja.
        Denme de baja por favor.
        Quiero darme de baja.
        Estoy en la lista Robinson.
        Póngame en la lista de no llamar.
        No más llamadas.
        Déjeme en paz.
        Déjenme en paz.
        Déjame tranquilo.
        Quiero desuscribirme.
        No me interesa, no llamen más.
        ",
        "
        ¿Bueno?
        Hola, ¿quién habla?
        No me llame ahora.
        No me llame ahora, llámeme mañana.
        No me llame antes de las nueve.
        No me llame al trabajo.
        No me llamen hoy.
        Llámeme más tarde.
        Llámame otra vez mañana.
        Vuelva a llamar más tarde.
        Vuelva a llamarme mañana.
        ¿Puede volver a llamar?
        No deje de llamarme.
        No dejen de llamar.
        No me quite de la lista.
        No cuelgue.
        No me interesa.
        No, gracias.
        Me llamo Ana.
        No me llamo Juan.
        ¿Por qué me llama?
        ¿Quién le dio mi número?
        Póngame en la lista.
        Quiero una cita.
        Quiero cancelar mi cita.
        Ya no puedo hablar, estoy manejando.
        No quiero cambiar la cita.
        Estoy ocupado.
        No lo quiero.
        No me llame tan temprano.
        ",
    );
}

#[test]
fn french() {
    check(
        "
        Ne m'appelez plus.
        Ne m’appelez plus jamais.
        Ne m'appelez plus s'il vous plaît.
        Ne nous appelez plus.
        N'appelez plus ce numéro.
        N'appelez plus ici.
        M'appelez plus.
        Ne me rappelez plus.
        Ne me rappelez jamais.
        Ne me contactez plus.
        Ne me dérangez plus.
        Ne plus m'appeler.
        Arrêtez de m'appeler.
        Arrêtez de me téléphoner.
        Arrêtez de nous appeler.
        Arrêtez de me déranger.
        Arrêtez d'appeler ici, ne m'appelez plus.
        Cessez de m'appeler.
        Arrêtez vos appels.
        Retirez-moi de votre liste.
        Enlevez-moi de votre liste.
        Supprimez-moi de vos fichiers.
        Rayez-moi de votre liste.
        Retirez mon numéro.
        Supprimez mon numéro.
        Effacez mon numéro de votre base.
        Supprimez mes coordonnées.
        Enlevez mon nom de votre liste.
        Pouvez-vous me retirer de votre liste ?
        Je veux être retiré de votre liste.
        Je ne veux plus être appelé.
        Je ne veux plus que vous m'appeliez.
        Je ne veux plus recevoir d'appels.
        Je ne veux plus d'appels.
        Je ne souhaite plus être contacté.
        Je veux plus que vous m'appeliez.
        Désinscrivez-moi.
        Je veux me désinscrire.
        Laissez-moi tranquille.
        Fichez-moi la paix.
        Je suis inscrit sur Bloctel.
        Plus jamais m'appeler, compris ?
        Ne m'appelez pas.
        ",
        "
        Allô ?
        Oui, bonjour.
        Ne m'appelez pas maintenant.
        Ne m'appelez pas avant neuf heures.
        Ne m'appelez pas au travail.
        Rappelez-moi plus tard.
        Rappelez-moi demain.
        N'arrêtez pas de m'appeler.
        Ne me retirez pas de la liste.
        Je ne veux pas changer le rendez-vous.
        Je m'appelle Paul.
        Je ne m'appelle pas Paul.
        Comment vous appelez-vous ?
        Pourquoi m'appelez-vous ?
        Je n'ai plus le temps.
        Je ne peux plus parler.
        Ça ne m'intéresse pas.
        Non merci.
        Ne quittez pas.
        Ne raccrochez pas.
        Ajoutez-moi à la liste.
        Je veux annuler mon rendez-vous.
        Je ne veux plus de rendez-vous le lundi.
        ",
    );
}

#[test]
fn german() {
    check(
        "
        Rufen Sie mich nicht mehr an.
        Rufen Sie mich nie wieder an.
        Rufen Sie bitte nicht mehr an.
        Rufen Sie hier nicht mehr an.
        Rufen Sie uns nicht wieder an.
        Bitte rufen Sie mich nicht mehr an.
        Ruf mich nicht mehr an.
        Nie wieder anrufen!
        Bitte nicht mehr anrufen.
        Ich möchte nicht mehr angerufen werden.
        Ich will nicht mehr angerufen werden.
        Hören Sie auf, mich anzurufen.
        Hören Sie auf mich anzurufen.
        Hören Sie endlich auf mich anzurufen.
        Hören Sie auf mit den Anrufen.
        Unterlassen Sie diese Anrufe.
        Nehmen Sie mich von Ihrer Liste.
        Nehmen Sie mich bitte von der Liste.
        Nehmen Sie meine Nummer aus Ihrer Datenbank.
        Streichen Sie mich von Ihrer Liste.
        Streichen Sie mich bitte aus Ihrer Kartei.
        Löschen Sie meine Nummer.
        Löschen Sie bitte meine Telefonnummer.
        Löschen Sie meine Daten.
        Entfernen Sie mich von Ihrer Liste.
        Entfernen Sie meine Nummer.
        Vergessen Sie meine Nummer.
        Keine Anrufe mehr.
        Ich möchte keine Anrufe mehr bekommen.
        Ich will keine weiteren Anrufe.
        Lassen Sie mich in Ruhe.
        Lassen Sie mich bitte in Ruhe.
        Melden Sie sich nicht mehr.
        Melden Sie sich nie wieder bei mir.
        Kontaktieren Sie mich nicht mehr.
        Belästigen Sie mich nicht mehr.
        Tragen Sie mich aus.
        Ich möchte mich abmelden.
        Ich will von der Liste gestrichen werden.
        Ich widerrufe meine Einwilligung.
        Ich stehe auf der Robinsonliste.
        ",
        "
        Hallo?
        Ja, bitte?
        Müller.
        Rufen Sie mich jetzt nicht an.
        Rufen Sie mich morgen wieder an.
        Rufen Sie bitte später noch einmal an.
        Rufen Sie mich nicht vor neun an.
        Bitte rufen Sie mich wieder an.
        Hören Sie nicht auf.
        Ich kann Sie nicht mehr hören.
        Ich kann nicht mehr sprechen.
        Löschen Sie den Termin.
        Streichen Sie den Termin bitte.
        Nehmen Sie mich auf die Liste.
        Streichen Sie mich nicht von der Liste.
        Kein Interesse.
        Nein, danke.
        Warum rufen Sie mich an?
        Woher haben Sie meine Nummer?
        Ich habe keine Zeit mehr.
        Keine Fragen mehr.
        Ich rufe Sie zurück.
        Legen Sie nicht auf.
        Jetzt nicht, rufen Sie später an.
        Ich möchte den Termin absagen.
        ",
    );
}

#[test]
fn portuguese() {
    check(
        "
        Não me ligue mais.
        Não me liguem mais.
        Não me liga mais.
        Por favor não me ligue mais.
        Não ligue mais para este número.
        Não liguem mais para cá.
        Não me ligue de novo.
        Não me ligue novamente.
        Nunca mais me ligue.
        Nunca mais ligue para mim.
        Não volte a ligar.
        Não voltem a me ligar.
        Não torne a ligar.
        Não me ligue.
        Não me liguem, por favor.
        Pare de me ligar.
        Parem de me ligar.
        Pare de ligar.
        Para de me ligar.
        Parem de me incomodar.
        Não me incomode mais.
        Não me contate mais.
        Não me perturbe.
        Tire meu nome da lista.
        Tire o meu número da sua lista.
        Me tira da lista.
        Me tire da sua lista.
        Me retire da lista por favor.
        Remova meu número.
        Remova meu nome da lista.
        Apague meu número.
        Exclua meu cadastro.
        Exclua meu número do sistema.
        Quero que tirem meu nome da lista.
        Não quero mais receber ligações.
        Não quero receber mais ligações.
        Não quero que me liguem.
        Não quero mais que me liguem.
        Não quero mais ligações.
        Chega de ligações.
        Me deixa em paz.
        Me deixem em paz.
        Deixe-me em paz.
        Quero me descadastrar.
        Descadastre meu número.
        ",
        "
        Alô?
        Oi, quem fala?
        Não me ligue agora.
        Não me ligue agora, ligue amanhã.
        Não me ligue antes das nove.
        Não me ligue hoje.
        Ligue mais tarde.
        Me liga de novo amanhã.
        Pode me ligar novamente?
        Não pare de me ligar.
        Não desligue.
        Não me tire da lista.
        Não tenho interesse.
        Não, obrigado.
        Por que está me ligando?
        Quem te deu meu número?
        Não quero mudar a consulta.
        Quero cancelar a consulta.
        Me coloca na lista.
        Não posso mais falar.
        Estou ocupado.
        ",
    );
}

#[test]
fn hindi() {
    check(
        "
        मुझे कॉल मत करो।
        मुझे कॉल मत करना।
        मुझे फोन मत करो।
        मुझे फ़ोन मत कीजिए।
        मुझे दोबारा कॉल मत करना।
        मुझे दोबारा फोन मत कीजिएगा।
        दोबारा कॉल मत करना।
        फिर से कॉल मत करना।
        फिर कभी फोन मत करना।
        कृपया मुझे कॉल न करें।
        मुझे आगे से कॉल मत करना।
        इस नंबर पर कॉल मत करो।
        कॉल करना बंद करो।
        कॉल करना बंद कीजिए।
        मुझे कॉल करना बंद करें।
        फोन करना बंद कर दो।
        फोन करना बंद कर दीजिए।
        मेरा नंबर हटा दो।
        मेरा नंबर हटा दीजिए।
        मेरा नंबर डिलीट कर दो।
        मेरा नंबर लिस्ट से हटा दो।
        मेरा नाम लिस्ट से हटा दीजिए।
        मुझे अपनी लिस्ट से हटा दो।
        लिस्ट से मेरा नाम हटाओ।
        लिस्ट से नाम निकाल दीजिए।
        मुझे परेशान मत करो।
        परेशान मत कीजिए।
        तंग मत करो।
        मुझे आपकी कॉल नहीं चाहिए।
        मुझे कोई कॉल नहीं चाहिए।
        अनसब्सक्राइब कर दो।
        mujhe call mat karo
        mujhe call mat karna
        mujhe dobara call mat karna
        Mujhe phone mat kijiye.
        dobara call mat karna
        dobara phone mat karna please
        phir se call mat karna
        phir kabhi call mat karna
        mujhe call na karein
        is number pe call mat karo
        call karna band karo
        call karna band kijiye
        call karna band kar do
        mujhe phone karna band karo
        mera number hata do
        mera number hata dijiye
        mera number delete kar do
        mera number list se hata do
        mera naam list se hata dijiye
        mujhe apni list se hata do
        list se mera naam hatao
        list se hata do mujhe
        pareshan mat karo
        mujhe pareshan mat kijiye
        tang mat karo
        mujhe call nahi chahiye
        mujhe koi call nahi chahiye
        mera number DND mein daalo, do not disturb list mein daal do
        ",
        "
        हैलो?
        हाँ जी, बोलिए।
        नहीं।
        अभी कॉल मत करो, बाद में करो।
        मुझे अभी कॉल मत करो।
        अभी बात नहीं कर सकता।
        बाद में कॉल कीजिए।
        कल फोन करना।
        मुझे दोबारा कॉल कीजिए।
        फिर से कॉल करना।
        कॉल मत काटो।
        कॉल करना बंद मत करो।
        मेरा नंबर मत हटाओ।
        मेरा नाम लिस्ट में डाल दो।
        मुझे नहीं चाहिए।
        मुझे कॉल क्यों किया?
        रात को फोन मत करना।
        सुबह नौ बजे से पहले कॉल मत करना।
        haan ji boliye
        nahi
        abhi call mat karo
        abhi call mat karo baad mein karo
        mujhe abhi call mat karo
        baad mein call kijiye
        kal phone karna
        mujhe dobara call kijiye
        phir se call karna
        call mat kaato
        call karna band mat karo
        mera number mat hatao
        mera naam list mein daal do
        mujhe nahi chahiye
        aap kaun bol rahe ho
        raat ko phone mat karna
        mera number kahan se mila
        ",
    );
}

#[test]
fn a_request_is_found_in_the_middle_of_a_talk_and_not_beyond_its_limit() {
    let talk = "I was in the garden and then the phone rang. ".repeat(20);
    assert!(!is_asked(&talk));
    assert!(is_asked(&format!(
        "{talk} Please take me off your list. {talk}"
    )));
    let speech = "word ".repeat(WORDS_MAX);
    assert!(!is_asked(&format!("{speech}. Take me off your list.")));
}
