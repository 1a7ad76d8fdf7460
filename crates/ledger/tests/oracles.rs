//! Implementations that we did not write judge ours: Cloudflare's `tlog_tiles` the proofs, `signed_note` the notes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use sendhub_ledger::checkpoint::LogKey;
use sendhub_ledger::hash::{Hash, leaf_hash, node_hash};
use sendhub_ledger::proof::{Nodes, needed};
use sendhub_ledger::tree::Frontier;
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::tlog;

fn theirs(hash: Hash) -> tlog::Hash {
    tlog::Hash(hash.0)
}

fn all_theirs(path: &[Hash]) -> Vec<tlog::Hash> {
    path.iter().copied().map(theirs).collect()
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

fn root(leaves: &[Hash], size: u64) -> Hash {
    Frontier::default()
        .append(&leaves[..usize::try_from(size).unwrap()])
        .root()
}

/// A tree small enough that its leaf hashes alone prove everything.
fn nodes(leaves: &[Hash], positions: &[u64], size: u64) -> Nodes {
    let mut nodes = Nodes::default();
    for range in needed(positions, size) {
        assert_eq!(range.level, 0);
        for index in range.from..range.to {
            nodes.insert(0, index, leaves[usize::try_from(index).unwrap()]);
        }
    }
    nodes
}

#[test]
fn hashes_are_the_same() {
    assert_eq!(tlog::record_hash(b"entry").0, leaf_hash(b"entry").0);
    let (left, right) = (leaf_hash(b"a"), leaf_hash(b"b"));
    assert_eq!(
        tlog::node_hash(theirs(left), theirs(right)).0,
        node_hash(&left, &right).0
    );
}

#[test]
fn every_inclusion_proof_to_130_convinces_tlog_tiles() {
    let leaves = leaves(130);
    for size in 1..=130 {
        let root = theirs(root(&leaves, size));
        for index in 0..size {
            let leaf = theirs(leaves[usize::try_from(index).unwrap()]);
            let proof = nodes(&leaves, &[index], size)
                .prove_inclusion(index, size)
                .unwrap();
            let path = all_theirs(&proof.path);
            tlog::check_record(&path, size, root, index, leaf).unwrap();
            assert!(tlog::check_record(&path, size, root, index, theirs(leaf_hash(b"other"))).is_err());
        }
    }
}

#[test]
fn proofs_of_a_batch_convince_tlog_tiles() {
    let leaves = leaves(400);
    for (old, batch) in [(0, 1), (1, 1), (63, 64), (255, 3), (300, 100)] {
        let (before, after) = leaves[..old + batch].split_at(old);
        let appended = Frontier::default().append(before).frontier().append(after);
        for (offset, leaf) in (0..).zip(after) {
            let proof = appended.inclusion_proof(offset).unwrap();
            let (path, root) = (all_theirs(&proof.path), theirs(appended.root()));
            tlog::check_record(&path, proof.tree_size, root, proof.leaf_index, theirs(*leaf)).unwrap();
        }
    }
}

#[test]
fn every_consistency_proof_to_130_convinces_tlog_tiles() {
    let leaves = leaves(130);
    for new in 1..=130 {
        for old in 1..=new {
            let proof = nodes(&leaves, &[old], new).prove_consistency(old, new).unwrap();
            let (old_root, new_root) = (theirs(root(&leaves, old)), theirs(root(&leaves, new)));
            tlog::check_tree(&all_theirs(&proof.path), new, new_root, old, old_root).unwrap();
        }
    }
}

#[test]
fn checkpoints_are_notes_and_checkpoints_to_others() {
    let key = LogKey::from_seed("hub.example/g1", &[7; 32]).unwrap();
    let root = leaf_hash(b"root");
    let text = key.sign(42, root);
    let note = Note::from_bytes(text.as_bytes()).unwrap();
    let verifier = StandardVerifier::new(&key.verifier().to_string()).unwrap();
    let (verified, unverified) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), ("hub.example/g1", 42));
    assert_eq!(checkpoint.hash().0, root.0);

    let changed = text.replace("\n42\n", "\n43\n");
    let verifier = StandardVerifier::new(&key.verifier().to_string()).unwrap();
    let note = Note::from_bytes(changed.as_bytes()).unwrap();
    assert!(note.verify(&VerifierList::new(vec![Box::new(verifier)])).is_err());
}
