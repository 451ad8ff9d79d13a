//! Words of exported machines.
use super::data::{pascal, quoted};

#[test]
fn members_have_the_names_of_the_java_sdk() {
    for (given, said) in [
        ("logGroupName", "LogGroupName"),
        ("SSEAlgorithm", "SseAlgorithm"),
        ("KMSMasterKeyID", "KmsMasterKeyID"),
        ("S3BucketName", "S3BucketName"),
        ("IpPermissions", "IpPermissions"),
        ("TrailARN", "TrailARN"),
        ("ACL", "Acl"),
        ("tags", "Tags"),
    ] {
        assert_eq!(pascal(given), said);
    }
}

#[test]
fn a_text_in_a_function_stays_text() {
    assert_eq!(quoted(r"it's {a} \ b"), r"'it\'s \{a\} \\ b'");
}
