//! A connection that is cut after every octet of what goes out and of what comes in, for every kind of exchange.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;
use tokio::time::Instant;
use trunkline_wsman::envelope::Subscribed;
use trunkline_wsman::envelope::shell::{CommandState, ShellRequest, ShellResponse};
use trunkline_wsman::event::{EventQuery, SubscribeSettings};
use trunkline_wsman::shell::Program;

use super::*;

/// Which way is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Out,
    In,
}

/// Connects to a host; the first stream ends after so many octets one way.
#[derive(Debug)]
struct Scissors {
    host: Arc<Host>,
    way: Way,
    after: usize,
    streams: AtomicUsize,
    cut: Arc<std::sync::atomic::AtomicBool>,
}

struct Cut {
    inner: Option<Box<dyn Stream>>,
    out: usize,
    inward: usize,
    cut: Arc<std::sync::atomic::AtomicBool>,
}

impl Connect for Scissors {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let inner = self.host.connect(to).await?;
            if self.streams.fetch_add(1, Ordering::SeqCst) > 0 {
                return Ok(inner);
            }
            let (out, inward) = match self.way {
                Way::Out => (self.after, usize::MAX),
                Way::In => (usize::MAX, self.after),
            };
            Ok(Box::new(Cut { inner: Some(inner), out, inward, cut: Arc::clone(&self.cut) }) as Box<dyn Stream>)
        })
    }
}

impl Cut {
    fn snip(&mut self) {
        self.inner = None;
        self.cut.store(true, Ordering::SeqCst);
    }
}

impl AsyncRead for Cut {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.inward == 0 && this.inner.is_some() {
            this.snip();
        }
        let Some(inner) = &mut this.inner else { return Poll::Ready(Ok(())) };
        let most = buffer.remaining().min(this.inward);
        let mut part = buffer.take(most);
        ready!(Pin::new(inner).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        this.inward -= read;
        // The part was written into the buffer's own memory.
        let filled = part.filled().to_vec();
        buffer.put_slice(&filled);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Cut {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.out == 0 && this.inner.is_some() {
            this.snip();
        }
        let Some(inner) = &mut this.inner else { return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())) };
        let written = ready!(Pin::new(inner).poll_write(cx, &data[..data.len().min(this.out)]))?;
        this.out -= written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

/// A host that answers everything, and counts what it carries out.
fn willing(done: &Arc<AtomicUsize>) -> Arc<Host> {
    let done = Arc::clone(done);
    host(move |_, request| {
        let does =
            matches!(&request.body, Request::Put(_) | Request::Create(_) | Request::Invoke(_) | Request::Shell(ShellRequest::Command(_)))
                || (request.body == Request::Delete && request.header.selectors.iter().all(|(name, _)| *name != "ShellId"));
        done.fetch_add(usize::from(does), Ordering::SeqCst);
        let class = || request.header.resource.as_ref().and_then(|r| r.class()).expect("a class").clone();
        let body = match &request.body {
            Request::Identify => Response::Identify(Identity::default()),
            Request::Enumerate(_) => Response::Enumerate(page(Some("uuid:1"), vec![Item::Object(vm(1))], false)),
            Request::Pull(pull) if pull.context == "uuid:1" => Response::Pull(page(None, vec![Item::Object(vm(2))], true)),
            Request::Pull(_) => Response::Pull(page(Some("uuid:e1"), vec![Item::Object(vm(3))], false)),
            Request::Get | Request::Put(_) => Response::Object(vm(1)),
            Request::Create(_) => Response::Created((&path(1)).into()),
            Request::Invoke(call) => {
                let values = CimInstance::new("Out").with("ReturnValue", 0_u32);
                Response::Output(Output { class: class(), method: call.method.clone(), values })
            }
            Request::Subscribe(_) => Response::Subscribed(Subscribed {
                identifier: "S".to_owned(),
                resource: request.header.resource.as_ref().expect("a resource").to_string(),
                expires: None,
                context: Some("uuid:e0".to_owned()),
            }),
            Request::Shell(ShellRequest::Create(_)) => Response::Created(EndpointReference {
                address: String::new(),
                resource: request.header.resource.clone().expect("a resource"),
                selectors: vec![(Name::from("ShellId"), Key::Text("1".to_owned()))],
            }),
            Request::Shell(ShellRequest::Command(_)) => Response::Shell(ShellResponse::Started { command: "C".to_owned() }),
            Request::Shell(ShellRequest::Receive { .. }) => {
                let state = CommandState { command: None, state: "Done".to_owned(), exit_code: Some(0) };
                Response::Shell(ShellResponse::Received { streams: vec![], state: Some(state) })
            }
            Request::Shell(ShellRequest::Signal { .. }) => Response::Shell(ShellResponse::Signalled),
            Request::Delete | Request::Release { .. } | Request::Unsubscribe => Response::Empty,
            other => panic!("{other:?}"),
        };
        answer(request, body)
    })
}

type Act = fn(Client) -> Pin<Box<dyn Future<Output = Result<(), Error>>>>;

/// Cuts `act` after every octet both ways. What it does to a host is done once at most; an error after it was done says that it may be.
async fn cut_everywhere(act: Act) {
    for way in [Way::Out, Way::In] {
        for after in 0.. {
            let done = Arc::<AtomicUsize>::default();
            let host = willing(&done);
            let cut = Arc::default();
            let scissors = Scissors { host: Arc::clone(&host), way, after, streams: AtomicUsize::new(0), cut: Arc::clone(&cut) };
            let access = Access {
                endpoint: Endpoint::http("hv01"),
                connect: Arc::new(scissors),
                trust: Trust::System,
                authenticate: Arc::new(Anonymous),
                clock: Arc::new(SystemClock),
            };
            let client = Client::new(access, Settings::default()).expect("a client");
            let begun = Instant::now();
            let ended = act(client.clone()).await;
            let at = format!("{way:?} after {after}: {ended:?}");
            assert_eq!(begun.elapsed(), Duration::ZERO, "it waited: {at}");
            let done = done.load(Ordering::SeqCst);
            assert!(done <= 1, "done {done} times: {at}");
            match &ended {
                Ok(()) => {}
                Err(error) => assert!(done == 0 || error.outcome_unknown(), "it was done: {at}"),
            }
            assert_eq!(client.get(&path(1)).await.expect("the next connection is whole"), vm(1));
            if !cut.load(Ordering::SeqCst) {
                assert!(ended.is_ok() && after > 500, "{at}");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn reading_an_instance_is_cut_at_every_octet() {
    cut_everywhere(|client| Box::pin(async move { client.get(&path(1)).await.map(drop) })).await;
}

#[tokio::test(start_paused = true)]
async fn an_enumeration_is_cut_at_every_octet_and_is_whole_or_an_error() {
    let act: Act = |client| {
        Box::pin(async move {
            let found = client.query(&Namespace::VIRTUALIZATION, ALL).await?;
            assert_eq!(found, [vm(1), vm(2)]);
            Ok(())
        })
    };
    cut_everywhere(act).await;
}

#[tokio::test(start_paused = true)]
async fn changing_an_instance_is_cut_at_every_octet() {
    cut_everywhere(|client| Box::pin(async move { client.put(&path(1), &vm(1)).await.map(drop) })).await;
}

#[tokio::test(start_paused = true)]
async fn making_an_instance_is_cut_at_every_octet() {
    cut_everywhere(|client| Box::pin(async move { client.create(&Namespace::VIRTUALIZATION, &vm(1)).await.map(drop) })).await;
}

#[tokio::test(start_paused = true)]
async fn removing_an_instance_is_cut_at_every_octet() {
    cut_everywhere(|client| Box::pin(async move { client.delete(&path(1)).await })).await;
}

#[tokio::test(start_paused = true)]
async fn a_method_call_is_cut_at_every_octet() {
    let act: Act = |client| {
        Box::pin(async move { client.invoke(&path(1), "RequestStateChange", &[("RequestedState", 2_u16.into())]).await.map(drop) })
    };
    cut_everywhere(act).await;
}

#[tokio::test(start_paused = true)]
async fn identifying_is_cut_at_every_octet() {
    cut_everywhere(|client| Box::pin(async move { client.identify().await.map(drop) })).await;
}

#[tokio::test(start_paused = true)]
async fn a_command_is_cut_at_every_octet() {
    cut_everywhere(|client| Box::pin(async move { client.run(&Program::new("x").arg("y"), 10).await.map(drop) })).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_cut_at_every_octet() {
    let act: Act = |client| {
        Box::pin(async move {
            let query = EventQuery::Wmi(Namespace::VIRTUALIZATION, "SELECT * FROM __InstanceModificationEvent WITHIN 2".to_owned());
            let mut events = client.subscribe(query, SubscribeSettings::default()).await?;
            events.next().await?;
            events.close().await;
            Ok(())
        })
    };
    cut_everywhere(act).await;
}

#[tokio::test(start_paused = true)]
async fn a_read_whose_answer_is_cut_once_is_asked_again_and_no_more() {
    let host = host(|number, request| if number == 0 { Reply::Cut } else { answer(request, Response::Object(vm(1))) });
    assert_eq!(client(&host).get(&path(1)).await.expect("there"), vm(1));
    assert_eq!(host.requests.load(Ordering::SeqCst), 2);
    let host = super::host(|_, _| Reply::Cut);
    assert!(client(&host).get(&path(1)).await.is_err());
    assert_eq!(host.requests.load(Ordering::SeqCst), 2);
}
