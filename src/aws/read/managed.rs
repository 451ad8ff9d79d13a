//! Every read of the things that services operate asks for those, too: an account may hide them, and
//! DescribeInstances and others then leave them out unless `IncludeManagedResources` is true
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetManagedResourceVisibility.html>). The
//! tests look at the requests as they are sent, and at the source, for reads that nobody has thought of here.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc,
    thread,
};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_ec2::{Client, config::Credentials};

use super::{Ask, compute, instances, network};

/// The reads whose input has the member, by botocore 1.44.8.
const HIDDEN: [&str; 8] = [
    "DescribeInstances",
    "DescribeInstanceStatus",
    "DescribeNetworkInterfaces",
    "DescribeVolumes",
    "DescribeVolumeStatus",
    "DescribeVolumesModifications",
    "DescribeLaunchTemplates",
    "DescribeLaunchTemplateVersions",
];

/// Starts an endpoint that lists nothing, and returns its address and the bodies of the requests.
fn endpoint() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, bodies) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut text, mut part) = (Vec::new(), [0; 4096]);
            let body = loop {
                let n = stream.read(&mut part).unwrap_or(0);
                text.extend_from_slice(&part[..n]);
                let said = String::from_utf8_lossy(&text).into_owned();
                let Some((head, body)) = said.split_once("\r\n\r\n") else {
                    if n == 0 { break said } else { continue }
                };
                let length = head
                    .to_lowercase()
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.split("\r\n").next()?.trim().parse::<usize>().ok());
                if n == 0 || body.len() >= length.unwrap_or(0) {
                    break body.to_owned();
                }
            };
            let action = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or_default();
            let empty = format!("<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"/>");
            let _ = sender.send(body);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\nContent-Length: \
                 {}\r\n\r\n{empty}",
                empty.len()
            );
        }
    });
    (url, bodies)
}

#[tokio::test]
async fn every_read_of_what_services_operate_asks_for_that_too() {
    let (url, bodies) = endpoint();
    let config = aws_sdk_ec2::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIDOFATEST", "secret", None, None, "test"))
        .endpoint_url(url)
        .build();
    let ec2 = Client::from_conf(config);
    let asks = [
        Ask::All,
        Ask::By("vpc-id".to_owned(), vec!["vpc-1".to_owned()]),
        Ask::Ids(vec!["i-1".to_owned(), "i-2".to_owned()]),
    ];
    for ask in &asks {
        assert!(instances::instances(&ec2, ask).await.unwrap().is_empty());
        assert!(instances::statuses(&ec2, ask).await.unwrap().is_empty());
        assert!(network::interfaces(&ec2, ask).await.unwrap().is_empty());
        assert!(compute::volumes(&ec2, ask).await.unwrap().is_empty());
        assert!(compute::modifications(&ec2, ask).await.unwrap().is_empty());
    }
    let sent: Vec<String> = bodies.try_iter().collect();
    assert_eq!(sent.len(), asks.len() * 5);
    for body in sent {
        assert!(body.contains("IncludeManagedResources=true"), "{body}");
    }
}

#[test]
fn no_file_of_this_room_reads_such_a_thing_without_asking_for_it() {
    let snake = |operation: &str| {
        operation.chars().fold(String::new(), |mut name, c| {
            if c.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
            name
        })
    };
    let mut found = 0;
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text: String = std::fs::read_to_string(&path).unwrap().split_whitespace().collect();
            for operation in HIDDEN {
                for after in text.split(&format!(".{}()", snake(operation))).skip(1) {
                    found += 1;
                    let asks = after.starts_with(".include_managed_resources(true)");
                    assert!(asks, "{}: {operation}", path.display());
                }
            }
        }
    }
    assert!(found >= 6, "{found}");
}
