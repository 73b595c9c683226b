// SPDX-License-Identifier: Apache-2.0

//! tonic against our server: the cases of gRPC's interop test descriptions, or one challenge of a real broker.
//!
//! usage: tonic-interop interop|challenge PORT CA-FILE

use std::time::{Duration, Instant};

use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::ProstCodec;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status, Streaming};

const SERVICE: &str = "/grpc.testing.TestService/";
const SPECIAL: &str = "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n";

// What is used of grpc/testing/messages.proto and proto/api/latchkey.proto.

#[derive(Clone, PartialEq, Message)]
struct Empty {}

#[derive(Clone, PartialEq, Message)]
struct Payload {
    #[prost(bytes = "vec", tag = "2")]
    body: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct EchoStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, Message)]
struct SimpleRequest {
    #[prost(int32, tag = "2")]
    response_size: i32,
    #[prost(message, optional, tag = "3")]
    payload: Option<Payload>,
    #[prost(message, optional, tag = "7")]
    response_status: Option<EchoStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct SimpleResponse {
    #[prost(message, optional, tag = "1")]
    payload: Option<Payload>,
}

#[derive(Clone, PartialEq, Message)]
struct ResponseParameters {
    #[prost(int32, tag = "1")]
    size: i32,
    #[prost(int32, tag = "2")]
    interval_us: i32,
}

#[derive(Clone, PartialEq, Message)]
struct StreamRequest {
    #[prost(message, repeated, tag = "2")]
    response_parameters: Vec<ResponseParameters>,
}

#[derive(Clone, PartialEq, Message)]
struct ChallengeRequest {
    #[prost(string, repeated, tag = "1")]
    secrets: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct ChallengeResponse {
    #[prost(bytes = "vec", tag = "1")]
    ticket: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    broker_id: Vec<u8>,
}

struct Client(Grpc<Channel>);

impl Client {
    async fn unary<Q, A>(&mut self, path: &str, request: Q) -> Result<A, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        self.0.ready().await.expect("a connection");
        let path: PathAndQuery = path.parse().expect("a path");
        self.0.unary(Request::new(request), path, ProstCodec::<Q, A>::default()).await.map(|r| r.into_inner())
    }

    async fn stream(&mut self, intervals_ms: &[i32], deadline: Duration) -> Result<Streaming<SimpleResponse>, Status> {
        let response_parameters =
            intervals_ms.iter().map(|ms| ResponseParameters { size: 1000, interval_us: ms * 1000 }).collect();
        let mut request = Request::new(StreamRequest { response_parameters });
        request.set_timeout(deadline);
        self.0.ready().await.expect("a connection");
        let path = PathAndQuery::from_static("/grpc.testing.TestService/StreamingOutputCall");
        let codec = ProstCodec::<StreamRequest, SimpleResponse>::default();
        self.0.server_streaming(request, path, codec).await.map(|r| r.into_inner())
    }
}

fn ok(what: &str) {
    println!("ok {what}");
}

async fn unary_cases(c: &mut Client) {
    c.unary::<_, Empty>(&format!("{SERVICE}EmptyCall"), Empty {}).await.expect("empty_unary");
    ok("empty_unary");

    let request = SimpleRequest {
        response_size: 314159,
        payload: Some(Payload { body: vec![0; 271828] }),
        ..Default::default()
    };
    let answer: SimpleResponse = c.unary(&format!("{SERVICE}UnaryCall"), request).await.expect("large_unary");
    assert_eq!(answer.payload.expect("a payload").body, vec![0; 314159]);
    ok("large_unary");
}

async fn status_cases(c: &mut Client) {
    for (what, message) in [("status_code_and_message", "test status message"), ("special_status_message", SPECIAL)] {
        let response_status = Some(EchoStatus { code: 2, message: message.into() });
        let request = SimpleRequest { response_status, ..Default::default() };
        let status = c.unary::<_, SimpleResponse>(&format!("{SERVICE}UnaryCall"), request).await.expect_err(what);
        assert_eq!((status.code(), status.message()), (Code::Unknown, message), "{what}");
        ok(what);
    }
    for (what, path) in [
        ("unimplemented_method", "/grpc.testing.TestService/UnimplementedCall"),
        ("unimplemented_service", "/grpc.testing.UnimplementedService/UnimplementedCall"),
    ] {
        let status = c.unary::<_, Empty>(path, Empty {}).await.expect_err(what);
        assert_eq!(status.code(), Code::Unimplemented, "{what}");
        ok(what);
    }
}

async fn ending_cases(c: &mut Client) {
    let begin = Instant::now();
    let ended = match c.stream(&[30_000], Duration::from_millis(200)).await {
        Ok(mut messages) => messages.message().await.map(|_| ()),
        Err(status) => Err(status),
    };
    let status = ended.expect_err("timeout_on_sleeping_server");
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}"); // Cancelled: tonic's own clock
    assert!(begin.elapsed() < Duration::from_secs(10));
    ok("timeout_on_sleeping_server");

    let mut messages = c.stream(&[0, 30_000], Duration::from_secs(60)).await.expect("a stream");
    let first = messages.message().await.expect("a message").expect("a first message");
    assert_eq!(first.payload.expect("a payload").body.len(), 1000);
    drop(messages); // RST_STREAM
    c.unary::<_, Empty>(&format!("{SERVICE}EmptyCall"), Empty {}).await.expect("the connection lives on");
    ok("cancel_after_first_response");
}

async fn challenge(c: &mut Client) {
    let request = ChallengeRequest { secrets: vec!["tenant/disk".into()] };
    let answer: ChallengeResponse = c.unary("/latchkey.v1.KeyRelease/GetChallenge", request).await.expect("a challenge");
    assert_eq!((answer.ticket.len(), answer.broker_id.len()), (196, 32));
    let bad = ChallengeRequest { secrets: vec![] };
    let status = c.unary::<_, ChallengeResponse>("/latchkey.v1.KeyRelease/GetChallenge", bad).await.expect_err("no names");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(!status.details().is_empty(), "a google.rpc.Status in the trailers");
    ok("challenge");
}

async fn run(what: &str, port: &str, ca: &str) {
    let pem = std::fs::read(ca).expect("the CA's file");
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)).domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{port}")).expect("an address");
    let channel = endpoint.tls_config(tls).expect("TLS").connect().await.expect("a connection");
    let mut client = Client(Grpc::new(channel));
    if what == "challenge" {
        return challenge(&mut client).await;
    }
    unary_cases(&mut client).await;
    status_cases(&mut client).await;
    ending_cases(&mut client).await;
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(&args[1], &args[2], &args[3]));
}
