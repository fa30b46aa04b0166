//! The functions beneath, held against the vectors of those who specified them.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::*;
use crate::keyring::backup::seal::Key;
use crate::suite::OsEntropy;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// From the tests of the reference implementation of Argon2 (test.c, version 0x13, Argon2id).
#[test]
fn argon2id_is_that_of_the_reference() {
    let vectors = [
        (256, 2, 1, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"),
        (256, 2, 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
        (65_536, 2, 1, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"),
    ];
    for (memory, passes, lanes, expected) in vectors {
        let cost = KdfCost::new(memory, passes, lanes).unwrap();
        let mut found = [0; 32];
        cost.hash(b"password", b"somesalt", &mut found).unwrap();
        assert_eq!(found.to_vec(), hex(expected), "{cost:?}");
    }
}

/// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
#[test]
fn the_seal_is_that_of_the_draft() {
    let numbers = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
    let key: [u8; 32] = numbers(0x80, 0x9f).try_into().unwrap();
    let nonce = numbers(0x40, 0x57).try_into().unwrap();
    let associated = hex("50515253c0c1c2c3c4c5c6c7");
    let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for \
                 the future, sunscreen would be it.";
    let mut bytes = text.to_vec();
    let key = Key::new(Zeroizing::new(key));
    let tag = key.seal(&nonce, &associated, &mut bytes).unwrap();
    assert_eq!(bytes[..16], hex("bd6d179d3e83d43b9576579493c0e939"));
    assert_eq!(tag.to_vec(), hex("c0875924c1c7987947deafd8780acf49"));
    key.open(&nonce, &associated, &mut bytes, &tag).unwrap();
    assert_eq!(bytes, text);
    assert!(key.open(&nonce, &associated, &mut bytes, &tag).is_none());
}

fn wiped_on_drop<T: ZeroizeOnDrop>(_: &T) {}

#[test]
fn secrets_are_of_types_that_are_wiped() {
    let passphrase = Passphrase::new(Zeroizing::new(b"correct horse".to_vec())).unwrap();
    wiped_on_drop(&passphrase.0);
    wiped_on_drop(&Key::random(&OsEntropy).unwrap().0);
    let mut memory = cost::Memory::of(3).unwrap();
    memory.0[1].as_mut()[5] = 7;
    memory.0.iter_mut().for_each(Zeroize::zeroize);
    assert!(memory.0.iter().flat_map(|block| block.as_ref()).all(|word| *word == 0));
}
