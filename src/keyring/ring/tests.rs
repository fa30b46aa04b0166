use super::*;
use crate::store::MemoryStore;
use crate::suite::OsEntropy;

fn ring(suite: Suite) -> Keyring {
    let (store, node) = (MemoryStore::new(), NodeId::from_bytes([1; 32]));
    let identity = Identity::create(&store, node, suite, &OsEntropy).unwrap();
    let (mesh, rate) = (MeshId::from_bytes([2; 32]), Rate { per_second: 10, burst: 20 });
    Keyring::start(identity, &store, mesh, rate, Millis(0)).unwrap()
}

#[test]
fn the_last_key_epoch_signs_on_and_no_key_follows_it() {
    let Some(suite) = Suite::available().next() else { return };
    let ring = ring(suite);
    let epoch = Epoch { recovery: 0, operational: u32::MAX };
    let key = SigningKey::generate(suite, &OsEntropy).unwrap();
    ring.state.lock().active = Arc::new(ActiveKey { epoch, key });
    for _ in 0..2 {
        let exhausted = ring.prepare_rotation(suite, false, &OsEntropy).unwrap_err();
        let expected = Misuse::CounterExhausted("key epoch");
        assert!(matches!(exhausted, Error::Misuse(found) if found == expected));
        assert_eq!(ring.draw(Millis(0)).unwrap().key.epoch, epoch);
    }
}

#[test]
fn the_last_nonce_is_used_once_and_then_there_is_none() {
    let Some(suite) = Suite::available().next() else { return };
    let ring = ring(suite);
    {
        let mut state = ring.state.lock();
        (state.next, state.next_statement) = (Some(u32::MAX), Some(u32::MAX));
    }
    assert_eq!(ring.draw(Millis(0)).unwrap().nonce.sequence, u32::MAX);
    assert_eq!(ring.draw(Millis(0)).unwrap_err(), Misuse::NoncesExhausted);
    assert_eq!(ring.draw_statement().unwrap().sequence, u32::MAX);
    let exhausted = ring.draw_statement().unwrap_err();
    assert_eq!(
        exhausted.to_string(),
        "all nonces of this boot are used; restart to begin the next"
    );
}
