//! What is refused or cut leaves nothing behind.

use futures_util::FutureExt;

use super::*;

#[tokio::test]
async fn what_may_not_be_taken_is_refused_before_the_first_byte() {
    let bench = Bench::new().await;
    let refused = |declared: &Declared| bench.begin(1, declared).unwrap_err().to_string();
    let good = declared(9);
    let with = |media_type: &str, size_bytes| Declared {
        media_type: media_type.into(),
        size_bytes,
        ..good.clone()
    };
    for (header, told) in [
        (with("application/pdf", 0), "an attachment has at least one byte"),
        (
            with("application/pdf", 100 * MIB + 1),
            "the attachment is larger than 104857600 bytes",
        ),
        (
            with("application/x-sh", 9),
            "this hub does not take attachments of this media type",
        ),
    ] {
        assert_eq!(refused(&header), told);
    }
    let narrow = Vault::open(&AttachmentSettings {
        folder: Some(bench.folder.path().to_owned()),
        media_types: vec!["image/png".into()],
        ..AttachmentSettings::default()
    })
    .unwrap();
    let answer = narrow.begin(name(1), &good, &bench.keyring);
    assert!(matches!(answer, Err(AttachmentError::TypeRefused)));
}

#[tokio::test]
async fn what_is_refused_on_the_way_leaves_nothing() {
    let bench = Bench::new().await;
    let size = 3 * MIB + 5;
    let right = declared(size);
    let other = |header: Declared, sent: u64| {
        let bench = &bench;
        async move {
            let mut upload = bench.begin(1, &header).unwrap();
            for chunk in chunks(sent) {
                upload = upload.write(&chunk).await?;
            }
            upload.finish().await.map(drop)
        }
    };
    for sent in [0, 1, MIB, size - 1] {
        let told = other(right.clone(), sent).await;
        assert!(
            matches!(told, Err(AttachmentError::Truncated { declared, received }) if declared == size && received == sent)
        );
        assert_eq!(bench.names(), [""; 0], "{sent} bytes");
    }
    let told = other(right.clone(), size + 1).await;
    assert!(matches!(told, Err(AttachmentError::TooLarge { limit }) if limit == size));
    assert_eq!(bench.names(), [""; 0]);

    let mut wrong_hash = right.clone();
    wrong_hash.sha256[31] ^= 1;
    assert!(matches!(
        other(wrong_hash, size).await,
        Err(AttachmentError::HashWrong)
    ));
    assert_eq!(bench.names(), [""; 0]);

    let mut wrong_type = right;
    for media_type in ["image/png", "text/plain"] {
        wrong_type.media_type = media_type.into();
        let told = other(wrong_type.clone(), size).await;
        assert!(
            matches!(told, Err(AttachmentError::TypeMismatch { media_type: told }) if told == media_type)
        );
        assert_eq!(bench.names(), [""; 0]);
    }
}

#[tokio::test]
async fn a_type_that_turns_wrong_late_leaves_nothing() {
    let bench = Bench::new().await;
    let text = vec![b'a'; 2 * BLOCK_BYTES];
    let header = Declared {
        media_type: "text/plain".into(),
        size_bytes: text.len() as u64 + 1,
        sha256: [0; 32],
    };
    let upload = bench.begin(1, &header).unwrap().write(&text).await.unwrap();
    assert_eq!(bench.names().len(), 1, "blocks are written as they fill");
    let told = upload.write(&[0xFF]).await;
    assert!(matches!(told, Err(AttachmentError::TypeMismatch { .. })));
    assert_eq!(bench.names(), [""; 0]);
}

#[tokio::test]
async fn a_cut_at_any_point_leaves_nothing() {
    let bench = Bench::new().await;
    let size = 3 * MIB + 5;
    let header = declared(size);
    let begun = |id| {
        let (bench, header) = (&bench, &header);
        async move {
            let mut upload = bench.begin(id, header).unwrap();
            for chunk in chunks(size) {
                upload = upload.write(&chunk).await.unwrap();
            }
            assert_eq!(bench.names().len(), 1);
            upload
        }
    };
    // Between two chunks.
    drop(begun(1).await);
    bench.wait_until_empty().await;

    // In the middle of writing one.
    let upload = bench.begin(2, &header).unwrap();
    let first = upload.write(&content(0, BLOCK_BYTES)).await.unwrap();
    drop(first.write(&content(MIB, BLOCK_BYTES)).now_or_never());
    bench.wait_until_empty().await;

    // In the middle of ending: the object may stand for a moment.
    assert!(begun(3).await.finish().now_or_never().is_none());
    bench.wait_until_empty().await;

    // Between the object and its row.
    let placed = begun(4).await.finish().await.unwrap();
    assert_eq!(bench.names().len(), 1);
    drop(placed);
    bench.wait_until_empty().await;
    begun(5).await.finish().await.unwrap().discard().await;
    assert_eq!(bench.names(), [""; 0]);

    // A row that was refused.
    let stored = begun(6).await.finish().await.unwrap().keep();
    bench.vault.remove(&stored.place).await.unwrap();
    bench.vault.remove(&stored.place).await.unwrap();
    assert_eq!(bench.names(), [""; 0]);
}
