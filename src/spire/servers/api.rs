//! The two calls of SPIRE's server API that are used, both of which only read.
//!
//! The messages are those parts of `spire/api/types/{bundle,entry,spiffeid}.proto` and
//! `spire/api/server/{bundle,entry}/v1` of spire-api-sdk that are looked at; protobuf passes over the rest.

use std::collections::BTreeSet;

use tonic::Status;
use tonic::transport::Channel;

use crate::id::SpiffeId;
use crate::spire::channel::unary;

/// Entries asked for at once.
const PAGE: i32 = 500;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Bundle {
    #[prost(string, tag = "1")]
    pub(super) trust_domain: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) x509_authorities: Vec<Authority>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Authority {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) asn1: Vec<u8>,
    /// Its key is known to others than its server: nothing is to be believed for it.
    #[prost(bool, tag = "2")]
    pub(super) tainted: bool,
}

/// Without a mask all of it is answered.
#[derive(Clone, PartialEq, prost::Message)]
struct GetBundle {}

#[derive(Clone, PartialEq, prost::Message)]
struct ListEntries {
    #[prost(message, optional, tag = "2")]
    mask: Option<EntryMask>,
    #[prost(int32, tag = "3")]
    page_size: i32,
    #[prost(string, tag = "4")]
    page_token: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct EntryMask {
    #[prost(bool, tag = "2")]
    spiffe_id: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Entries {
    #[prost(message, repeated, tag = "1")]
    entries: Vec<Entry>,
    #[prost(string, tag = "2")]
    next_page_token: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    #[prost(message, optional, tag = "2")]
    spiffe_id: Option<Id>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Id {
    #[prost(string, tag = "1")]
    trust_domain: String,
    #[prost(string, tag = "2")]
    path: String,
}

/// The bundle of the server's trust domain.
pub(super) async fn bundle(channel: Channel) -> Result<Bundle, Status> {
    unary(channel, "/spire.api.server.bundle.v1.Bundle/GetBundle", GetBundle {}).await
}

/// The SPIFFE ids of all entries; what is no id of a workload is none of a member either. More than `most` entries,
/// of whatever kind, are an error: what a server says is held in memory.
pub(super) async fn entries(channel: Channel, most: usize) -> Result<BTreeSet<SpiffeId>, Status> {
    let (mut ids, mut count, mut page_token) = (BTreeSet::new(), 0_usize, String::new());
    loop {
        let mask = Some(EntryMask { spiffe_id: true });
        let page = ListEntries { mask, page_size: PAGE, page_token };
        let path = "/spire.api.server.entry.v1.Entry/ListEntries";
        let answer: Entries = unary(channel.clone(), path, page).await?;
        count = count.saturating_add(answer.entries.len());
        if count > most {
            return Err(Status::resource_exhausted(format!("more than {most} entries")));
        }
        let page = answer.entries.into_iter().filter_map(|entry| entry.spiffe_id);
        let page = page.map(|id| format!("{}{}{}", SpiffeId::SCHEME, id.trust_domain, id.path));
        ids.extend(page.filter_map(|id| id.parse::<SpiffeId>().ok()));
        if answer.next_page_token.is_empty() {
            return Ok(ids);
        }
        page_token = answer.next_page_token;
    }
}
