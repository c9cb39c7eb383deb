package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/xdg-go/scram"
)

func (c Config) sasl(s *sarama.Config) {
	if c.Mechanism == "" {
		return
	}
	s.Net.SASL.Enable = true
	s.Net.SASL.User, s.Net.SASL.Password = c.User, c.Password
	switch c.Mechanism {
	case ScramSHA256:
		s.Net.SASL.Mechanism = sarama.SASLTypeSCRAMSHA256
		s.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: scram.SHA256} }
	case ScramSHA512:
		s.Net.SASL.Mechanism = sarama.SASLTypeSCRAMSHA512
		s.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: scram.SHA512} }
	case Plain:
		s.Net.SASL.Mechanism = sarama.SASLTypePlaintext
	case MSKIAM:
		s.Net.SASL.Mechanism = sarama.SASLTypeOAuth
		s.Net.SASL.TokenProvider = iamTokens{region: c.Region}
	}
}

// scramClient is one SCRAM conversation (RFC 5802) as sarama asks for it.
type scramClient struct {
	hash scram.HashGeneratorFcn
	conv *scram.ClientConversation
}

func (c *scramClient) Begin(user, password, authzID string) error {
	client, err := c.hash.NewClient(user, password, authzID)
	if err != nil {
		return fmt.Errorf("begin SCRAM: %w", err)
	}
	c.conv = client.NewConversation()
	return nil
}

func (c *scramClient) Step(challenge string) (string, error) { return c.conv.Step(challenge) }
func (c *scramClient) Done() bool                            { return c.conv.Done() }

// iamTokens signs in to Amazon MSK: a short-lived URL signed with the AWS credentials of this machine,
// handed over as an OAUTHBEARER token.
type iamTokens struct{ region string }

func (t iamTokens) Token() (*sarama.AccessToken, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	token, _, err := signer.GenerateAuthToken(ctx, t.region)
	if err != nil {
		return nil, fmt.Errorf("sign MSK IAM token: %w", err)
	}
	return &sarama.AccessToken{Token: token}, nil
}
