//! What is said on the wire, by the protos of the SPIFFE Workload API and of spire-api-sdk.

use std::collections::HashMap;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Nothing {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct X509SvidResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) svids: Vec<X509Svid>,
    #[prost(map = "string, bytes", tag = "3")]
    pub(crate) federated_bundles: HashMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct X509Svid {
    #[prost(string, tag = "1")]
    pub(crate) spiffe_id: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) x509_svid: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) x509_svid_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) bundle: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Bundle {
    #[prost(string, tag = "1")]
    pub(crate) trust_domain: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) x509_authorities: Vec<X509Certificate>,
    #[prost(uint64, tag = "5")]
    pub(crate) sequence_number: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct X509Certificate {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) asn1: Vec<u8>,
    #[prost(bool, tag = "2")]
    pub(crate) tainted: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListEntriesRequest {
    #[prost(int32, tag = "3")]
    pub(crate) page_size: i32,
    #[prost(string, tag = "4")]
    pub(crate) page_token: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListEntriesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) entries: Vec<Entry>,
    #[prost(string, tag = "2")]
    pub(crate) next_page_token: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entry {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) spiffe_id: Option<SpiffeId>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SpiffeId {
    #[prost(string, tag = "1")]
    pub(crate) trust_domain: String,
    #[prost(string, tag = "2")]
    pub(crate) path: String,
}
