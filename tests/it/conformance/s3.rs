//! What the product relies on from S3.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart, Delete,
    ObjectIdentifier,
};
use bytes::Bytes;
use reqwest::StatusCode;
use store::schema;

use super::{checks, fresh_name};

#[derive(Clone)]
pub(super) struct World {
    client: Client,
    web: reqwest::Client,
    bucket: String,
}

checks! { World:
    an_object_comes_back_as_it_was_put,
    an_object_is_replaced_as_a_whole,
    a_range_is_read,
    a_range_past_the_end_is_refused,
    the_length_is_known_without_reading,
    a_missing_object_is_named_as_such,
    an_object_is_deleted_once_and_again,
    keys_of_every_kind_are_kept_apart,
    a_key_as_long_as_ours_is_kept,
    objects_are_listed_by_prefix_in_pages,
    folders_are_listed_by_delimiter,
    an_object_is_copied,
    objects_are_deleted_in_a_batch,
    an_object_is_made_only_where_there_is_none,
    a_checksum_is_kept_and_answered,
    a_body_that_does_not_match_its_digest_is_refused,
    an_object_is_made_of_parts,
    parts_are_listed_and_dropped,
    an_object_of_parts_appears_only_when_complete,
    a_part_that_never_came_cannot_be_completed,
    a_presigned_address_reads_under_a_file_name,
    a_presigned_address_reads_a_range,
    a_presigned_address_writes,
    a_presigned_address_that_was_changed_opens_nothing,
    a_presigned_address_expires,
    the_bucket_may_be_created_again,
}

const MIB: usize = 1024 * 1024;

impl World {
    pub(super) async fn new(client: Client) -> Self {
        let bucket = fresh_name("bucket");
        schema::create_bucket(&client, &bucket).await.unwrap();
        Self {
            client,
            // A proxy of the environment is not asked for a server of this machine.
            web: reqwest::Client::builder().no_proxy().build().unwrap(),
            bucket,
        }
    }

    pub(super) async fn remove(self) {
        loop {
            let listed = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .send()
                .await
                .unwrap();
            for object in listed.contents() {
                let delete = self.client.delete_object().bucket(&self.bucket);
                delete.key(object.key().unwrap()).send().await.unwrap();
            }
            if listed.is_truncated() != Some(true) {
                break;
            }
        }
        self.client
            .delete_bucket()
            .bucket(self.bucket)
            .send()
            .await
            .unwrap();
    }

    async fn put(&self, key: &str, body: impl Into<Bytes>) {
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        put.body(ByteStream::from(body.into()))
            .send()
            .await
            .unwrap();
    }

    async fn get(&self, key: &str) -> Bytes {
        let got = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
            .unwrap();
        got.body.collect().await.unwrap().into_bytes()
    }

    async fn is_there(&self, key: &str) -> bool {
        let head = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await;
        match head {
            Ok(_found) => true,
            Err(error) => {
                assert!(error.into_service_error().is_not_found());
                false
            }
        }
    }

    async fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix);
        let listed = listed.send().await.unwrap();
        listed
            .contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect()
    }

    async fn begin(&self, key: &str) -> String {
        let begin = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key);
        begin
            .content_type("audio/wav")
            .send()
            .await
            .unwrap()
            .upload_id
            .unwrap()
    }

    async fn part(&self, key: &str, upload: &str, number: i32, body: Vec<u8>) -> CompletedPart {
        let part = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(key)
            .upload_id(upload);
        let added = part
            .part_number(number)
            .body(ByteStream::from(body))
            .send()
            .await
            .unwrap();
        CompletedPart::builder()
            .part_number(number)
            .set_e_tag(added.e_tag)
            .set_checksum_crc32(added.checksum_crc32)
            .build()
    }

    async fn complete(&self, key: &str, upload: &str, parts: Vec<CompletedPart>) -> Option<String> {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts))
            .build();
        let complete = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(key);
        let complete = complete
            .upload_id(upload)
            .multipart_upload(parts)
            .send()
            .await
            .unwrap();
        complete.e_tag
    }

    /// Refused with one code or another, and no object is there.
    async fn cannot_complete(&self, key: &str, upload: &str, part: CompletedPart) {
        let parts = CompletedMultipartUpload::builder().parts(part).build();
        let complete = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(key);
        let refused = complete
            .upload_id(upload)
            .multipart_upload(parts)
            .send()
            .await;
        assert!(refused.unwrap_err().into_service_error().code().is_some());
        assert!(!self.is_there(key).await);
    }

    async fn presigned(&self, key: &str, lifetime: Duration) -> String {
        let get = self.client.get_object().bucket(&self.bucket).key(key);
        let get = get.response_content_disposition("attachment; filename=\"call.wav\"");
        let signed = get
            .presigned(PresigningConfig::expires_in(lifetime).unwrap())
            .await;
        signed.unwrap().uri().to_owned()
    }
}

async fn an_object_comes_back_as_it_was_put(world: World) {
    let put = world.client.put_object().bucket(&world.bucket).key("whole");
    let put = put
        .body(ByteStream::from_static(b"RIFF"))
        .content_type("audio/wav")
        .cache_control("no-store")
        .metadata("call", "call_1")
        .send()
        .await
        .unwrap();
    let got = world
        .client
        .get_object()
        .bucket(&world.bucket)
        .key("whole")
        .send()
        .await
        .unwrap();
    assert_eq!(got.content_type(), Some("audio/wav"));
    assert_eq!(got.cache_control(), Some("no-store"));
    assert_eq!(got.metadata().unwrap()["call"], "call_1");
    assert_eq!(got.content_length(), Some(4));
    assert_eq!(got.e_tag(), put.e_tag());
    assert_eq!(got.body.collect().await.unwrap().into_bytes(), "RIFF");
}

async fn an_object_is_replaced_as_a_whole(world: World) {
    world.put("replaced", "a longer first text").await;
    world.put("replaced", "second").await;
    assert_eq!(world.get("replaced").await, "second");
}

async fn a_range_is_read(world: World) {
    world.put("range", "0123456789").await;
    let get = world.client.get_object().bucket(&world.bucket).key("range");
    let got = get.range("bytes=3-5").send().await.unwrap();
    assert_eq!(got.content_range(), Some("bytes 3-5/10"));
    assert_eq!(got.body.collect().await.unwrap().into_bytes(), "345");
}

async fn a_range_past_the_end_is_refused(world: World) {
    world.put("short", "0123").await;
    let get = world.client.get_object().bucket(&world.bucket).key("short");
    let refused = get.range("bytes=10-20").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidRange"));
}

async fn the_length_is_known_without_reading(world: World) {
    world.put("length", vec![7; 70_000]).await;
    let head = world
        .client
        .head_object()
        .bucket(&world.bucket)
        .key("length");
    assert_eq!(head.send().await.unwrap().content_length(), Some(70_000));
}

async fn a_missing_object_is_named_as_such(world: World) {
    assert!(!world.is_there("missing").await);
    let get = world
        .client
        .get_object()
        .bucket(&world.bucket)
        .key("missing");
    let refused = get.send().await.unwrap_err().into_service_error();
    assert!(refused.is_no_such_key(), "{refused:?}");
}

async fn an_object_is_deleted_once_and_again(world: World) {
    world.put("deleted", "x").await;
    for _ in 0..2 {
        let delete = world
            .client
            .delete_object()
            .bucket(&world.bucket)
            .key("deleted");
        delete.send().await.unwrap();
    }
    assert!(!world.is_there("deleted").await);
}

async fn keys_of_every_kind_are_kept_apart(world: World) {
    let keys = [
        "kinds/a b",
        "kinds/ä+%20",
        "kinds/deep/er/x.wav",
        "kinds/$&@=;:,",
    ];
    for key in keys {
        world.put(key, key.to_owned()).await;
    }
    for key in keys {
        assert_eq!(world.get(key).await, key);
    }
}

async fn a_key_as_long_as_ours_is_kept(world: World) {
    let ids = "01arz3ndektsv4rrffq69g5fav";
    let key = format!("recordings/ten_{ids}/call_{ids}/RE{}.wav", "f".repeat(32));
    world.put(&key, "x").await;
    assert!(world.is_there(&key).await);
}

async fn objects_are_listed_by_prefix_in_pages(world: World) {
    for number in 0..5 {
        world.put(&format!("listed/{number}"), "x").await;
    }
    world.put("listed-not", "x").await;
    let mut keys = Vec::new();
    let mut token = None;
    loop {
        let list = world
            .client
            .list_objects_v2()
            .bucket(&world.bucket)
            .prefix("listed/");
        let page = list
            .max_keys(2)
            .set_continuation_token(token)
            .send()
            .await
            .unwrap();
        assert!(page.contents().len() <= 2);
        keys.extend(
            page.contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned()),
        );
        token = page.next_continuation_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(
        keys,
        ["listed/0", "listed/1", "listed/2", "listed/3", "listed/4"]
    );
}

async fn folders_are_listed_by_delimiter(world: World) {
    for key in ["tree/a/1", "tree/a/2", "tree/b/1", "tree/leaf"] {
        world.put(key, "x").await;
    }
    let list = world
        .client
        .list_objects_v2()
        .bucket(&world.bucket)
        .prefix("tree/");
    let listed = list.delimiter("/").send().await.unwrap();
    let folders: Vec<_> = listed
        .common_prefixes()
        .iter()
        .map(|p| p.prefix().unwrap())
        .collect();
    assert_eq!(folders, ["tree/a/", "tree/b/"]);
    let leaves: Vec<_> = listed
        .contents()
        .iter()
        .map(|object| object.key().unwrap())
        .collect();
    assert_eq!(leaves, ["tree/leaf"]);
}

async fn an_object_is_copied(world: World) {
    world.put("original", "words").await;
    let copy = world
        .client
        .copy_object()
        .bucket(&world.bucket)
        .key("copied");
    copy.copy_source(format!("{}/original", world.bucket))
        .send()
        .await
        .unwrap();
    assert_eq!(world.get("copied").await, "words");
}

async fn objects_are_deleted_in_a_batch(world: World) {
    for number in 0..3 {
        world.put(&format!("many/{number}"), "x").await;
    }
    let keys = (0..2).map(|number| {
        let object = ObjectIdentifier::builder().key(format!("many/{number}"));
        object.build().unwrap()
    });
    let delete = Delete::builder()
        .set_objects(Some(keys.collect()))
        .build()
        .unwrap();
    let batch = world
        .client
        .delete_objects()
        .bucket(&world.bucket)
        .delete(delete);
    assert_eq!(batch.send().await.unwrap().deleted().len(), 2);
    assert_eq!(world.keys("many/").await, ["many/2"]);
}

async fn an_object_is_made_only_where_there_is_none(world: World) {
    let put = |body: &'static [u8]| {
        let put = world.client.put_object().bucket(&world.bucket).key("first");
        put.if_none_match("*")
            .body(ByteStream::from_static(body))
            .send()
    };
    put(b"one").await.unwrap();
    let refused = put(b"two").await.unwrap_err();
    assert_eq!(refused.code(), Some("PreconditionFailed"));
    assert_eq!(world.get("first").await, "one");
}

async fn a_checksum_is_kept_and_answered(world: World) {
    let put = world
        .client
        .put_object()
        .bucket(&world.bucket)
        .key("summed");
    let put = put.checksum_algorithm(ChecksumAlgorithm::Sha256);
    put.body(ByteStream::from_static(b"hello"))
        .send()
        .await
        .unwrap();
    // SHA-256 of "hello", in base64.
    let sum = Some("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
    let head = world
        .client
        .head_object()
        .bucket(&world.bucket)
        .key("summed");
    let head = head
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(head.checksum_sha256(), sum);
}

async fn a_body_that_does_not_match_its_digest_is_refused(world: World) {
    let put = world
        .client
        .put_object()
        .bucket(&world.bucket)
        .key("damaged");
    // MD5 of "hello", in base64.
    let put = put.content_md5("XUFAKrxLKna5cZ2REBfFkg==");
    let refused = put
        .body(ByteStream::from_static(b"hellO"))
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("BadDigest"));
}

async fn an_object_is_made_of_parts(world: World) {
    let upload = world.begin("parts").await;
    let mut parts = Vec::new();
    let bodies = [vec![1; 5 * MIB], vec![2; 5 * MIB], vec![3; 1_000]];
    for (number, body) in (1..).zip(bodies) {
        parts.push(world.part("parts", &upload, number, body).await);
    }
    let tag = world.complete("parts", &upload, parts).await.unwrap();
    assert!(tag.trim_matches('"').ends_with("-3"), "{tag}");
    let get = world.client.get_object().bucket(&world.bucket).key("parts");
    // Across the border of two parts.
    let border = 5 * MIB;
    let got = get
        .range(format!("bytes={}-{}", border - 2, border + 1))
        .send()
        .await
        .unwrap();
    assert_eq!(got.content_type(), Some("audio/wav"));
    assert_eq!(
        got.body.collect().await.unwrap().into_bytes(),
        [1, 1, 2, 2].as_slice()
    );
    let head = world
        .client
        .head_object()
        .bucket(&world.bucket)
        .key("parts");
    let length = i64::try_from(10 * MIB + 1_000).unwrap();
    assert_eq!(head.send().await.unwrap().content_length(), Some(length));
}

async fn parts_are_listed_and_dropped(world: World) {
    let upload = world.begin("dropped").await;
    let part = world.part("dropped", &upload, 1, vec![1; 5 * MIB]).await;
    let list = world
        .client
        .list_parts()
        .bucket(&world.bucket)
        .key("dropped");
    let listed = list.upload_id(&upload).send().await.unwrap();
    assert_eq!(listed.parts().len(), 1);
    let abort = world
        .client
        .abort_multipart_upload()
        .bucket(&world.bucket)
        .key("dropped");
    abort.upload_id(&upload).send().await.unwrap();
    world.cannot_complete("dropped", &upload, part).await;
}

async fn an_object_of_parts_appears_only_when_complete(world: World) {
    let upload = world.begin("late").await;
    let part = world.part("late", &upload, 1, b"words".to_vec()).await;
    assert!(!world.is_there("late").await);
    assert_eq!(world.keys("late").await, Vec::<String>::new());
    world.complete("late", &upload, vec![part]).await;
    assert_eq!(world.get("late").await, "words");
}

async fn a_part_that_never_came_cannot_be_completed(world: World) {
    let upload = world.begin("hole").await;
    let part = CompletedPart::builder()
        .part_number(1)
        .e_tag("\"0123\"")
        .build();
    world.cannot_complete("hole", &upload, part).await;
}

async fn a_presigned_address_reads_under_a_file_name(world: World) {
    world.put("signed", "words").await;
    let address = world.presigned("signed", Duration::from_secs(60)).await;
    let read = world.web.get(address).send().await.unwrap();
    assert_eq!(read.status(), StatusCode::OK);
    let name = read.headers()["content-disposition"].to_str().unwrap();
    assert_eq!(name, "attachment; filename=\"call.wav\"");
    assert_eq!(read.bytes().await.unwrap(), "words");
}

async fn a_presigned_address_reads_a_range(world: World) {
    world.put("signed-range", "0123456789").await;
    let address = world
        .presigned("signed-range", Duration::from_secs(60))
        .await;
    let read = world
        .web
        .get(address)
        .header("range", "bytes=2-4")
        .send()
        .await
        .unwrap();
    assert_eq!(read.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(read.bytes().await.unwrap(), "234");
}

async fn a_presigned_address_writes(world: World) {
    let put = world
        .client
        .put_object()
        .bucket(&world.bucket)
        .key("written");
    let config = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let signed = put.presigned(config).await.unwrap();
    let mut request = world.web.put(signed.uri()).body("words");
    for (name, value) in signed.headers() {
        request = request.header(name, value);
    }
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(world.get("written").await, "words");
}

async fn a_presigned_address_that_was_changed_opens_nothing(world: World) {
    world.put("mine", "words").await;
    world.put("other", "secret").await;
    let address = world.presigned("mine", Duration::from_secs(60)).await;
    let changed = address.replace("/mine?", "/other?");
    let refused = world.web.get(changed).send().await.unwrap();
    assert!(refused.status().is_client_error(), "{}", refused.status());
}

async fn a_presigned_address_expires(world: World) {
    world.put("expired", "words").await;
    let get = world
        .client
        .get_object()
        .bucket(&world.bucket)
        .key("expired");
    let an_hour_ago = std::time::SystemTime::now() - Duration::from_secs(3_600);
    let config = PresigningConfig::builder()
        .start_time(an_hour_ago)
        .expires_in(Duration::from_secs(60))
        .build()
        .unwrap();
    let address = get.presigned(config).await.unwrap().uri().to_owned();
    let refused = world.web.get(address).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}

async fn the_bucket_may_be_created_again(world: World) {
    schema::create_bucket(&world.client, &world.bucket)
        .await
        .unwrap();
}
