package blob

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob/s3blob"
)

func (s *Store) openS3(ctx context.Context, u *url.URL) error {
	if u.Host == "" {
		return errors.New("open blob store: the bucket's name is missing; give s3://bucket?region=REGION")
	}
	q := u.Query()
	endpoint := q.Get("endpoint")
	if endpoint != "" {
		if e, err := url.Parse(endpoint); err != nil || e.Host == "" {
			return fmt.Errorf("open blob store: endpoint %q is not a URL; give one such as http://127.0.0.1:9000", endpoint)
		}
		setDefault(q, "use_path_style", "true")
		// Other stores do not know the checksums that AWS's SDK adds by itself.
		setDefault(q, "request_checksum_calculation", "when_required")
		setDefault(q, "response_checksum_validation", "when_required")
	}
	opened := *u
	opened.RawQuery = q.Encode()
	bucket, err := new(s3blob.URLOpener).OpenBucketURL(ctx, &opened)
	if err != nil {
		return fmt.Errorf("open blob store: %w", err)
	}
	var client *s3.Client
	if !bucket.As(&client) {
		return errors.Join(errors.New("open blob store: no S3 client"), bucket.Close())
	}
	s.bucket = bucket
	s.signer = &s3Signer{presign: s3.NewPresignClient(client), bucket: u.Host}
	switch {
	case s.baseURL != "":
	case endpoint != "":
		if s.baseURL, err = url.JoinPath(endpoint, u.Host); err != nil {
			return errors.Join(fmt.Errorf("open blob store: %w", err), bucket.Close())
		}
	default:
		s.baseURL = "https://" + u.Host + ".s3." + client.Options().Region + ".amazonaws.com"
	}
	return nil
}

func setDefault(q url.Values, key, value string) {
	if !q.Has(key) {
		q.Set(key, value)
	}
}

// s3Signer signs as S3 wants it. Go CDK's own signing cannot hold an upload to its type.
type s3Signer struct {
	presign *s3.PresignClient
	bucket  string
}

func (s *s3Signer) signPut(ctx context.Context, key, contentType string, _ int64, ttl time.Duration) (string, map[string]string, error) {
	req, err := s.presign.PresignPutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(s.bucket), Key: aws.String(key), ContentType: aws.String(contentType),
	}, s3.WithPresignExpires(ttl))
	if err != nil {
		return "", nil, fmt.Errorf("sign upload: %w", err)
	}
	headers := map[string]string{"Content-Type": contentType}
	for name := range req.SignedHeader {
		if name != "Host" {
			headers[http.CanonicalHeaderKey(name)] = req.SignedHeader.Get(name)
		}
	}
	return req.URL, headers, nil
}

func (s *s3Signer) signGet(ctx context.Context, key string, ttl time.Duration) (string, error) {
	req, err := s.presign.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(s.bucket), Key: aws.String(key),
	}, s3.WithPresignExpires(ttl))
	if err != nil {
		return "", fmt.Errorf("sign read: %w", err)
	}
	return req.URL, nil
}
