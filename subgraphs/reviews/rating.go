package reviews

import (
	"context"
	"math/rand/v2"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/outbox"
)

// How a review gets into its product's rating, exactly once, although the two are written apart:
//
//  1. The review's own change grows its Seq and marks it as uncounted.
//  2. The rating takes the difference and, in the same write, a mark: review, Seq, stars. The write
//     holds only if the rating is still as it was read, and the rating is read before the review.
//  3. The review notes what is counted (Counted, CountedSeq), unless a later Seq is noted already.
//  4. The mark goes, if it is not of a later Seq.
//
// At any moment the rating holds of a review the mark's stars where there is a mark, else Counted. Each
// step may be repeated, by several at once, and after a crash a sweep of uncounted reviews does so. A
// worker with an old view of the review has an old view of the rating as well, and its write fails.

// Rating is a product's.
type Rating struct {
	ProductID string          `bson:"_id"`
	Version   int             `bson:"version"`
	Histogram []int           `bson:"histogram"` // reviews with 1, 2, 3, 4 and 5 stars
	Marks     map[string]Mark `bson:"marks"`     // by review
}

// Mark says what the rating holds of a review that does not know of it yet.
type Mark struct {
	Seq   int `bson:"seq"`
	Stars int `bson:"stars"`
}

// NoRating is the rating of a product that nobody has reviewed.
func NoRating(productID string) Rating {
	return Rating{ProductID: productID, Histogram: make([]int, 5), Marks: map[string]Mark{}}
}

// Identity is the product's id and the version.
func (r *Rating) Identity() (string, *int) { return r.ProductID, &r.Version }

// Count is the number of published reviews.
func (r Rating) Count() int {
	n := 0
	for _, stars := range r.Histogram {
		n += stars
	}
	return n
}

// Average is from 1 to 5, nil without reviews.
func (r Rating) Average() *float64 {
	n, sum := r.Count(), 0
	if n == 0 {
		return nil
	}
	for i, stars := range r.Histogram {
		sum += (i + 1) * stars
	}
	average := float64(sum) / float64(n)
	return &average
}

// take moves a review's contribution to what it is now. It reports whether the rating has to be
// written, and whether what people see of it differs.
func (r *Rating) take(review Review) (write, differs bool) {
	from := review.Counted
	if mark, ok := r.Marks[review.ID]; ok {
		if mark.Seq >= review.Seq {
			return false, false
		}
		from = mark.Stars
	} else if review.CountedSeq >= review.Seq {
		return false, false
	}
	to := review.Stars()
	if from > 0 {
		r.Histogram[from-1]--
	}
	if to > 0 {
		r.Histogram[to-1]++
	}
	r.Marks[review.ID] = Mark{Seq: review.Seq, Stars: to}
	return true, from != to
}

func (r Rating) event(now events.Stamp) outbox.Event {
	e := events.RatingChanged{Stamp: now, ProductID: r.ProductID, Count: r.Count(), Histogram: r.Histogram, Version: r.Version + 1}
	if average := r.Average(); average != nil {
		e.Average = *average
	}
	return e
}

// countTries bounds how often a rating that others overtake is tried again; the sweep goes on then.
const countTries = 200

// count brings the rating up to date with one review. It is safe to repeat.
func (s *Service) count(ctx context.Context, reviewID, productID string) error {
	for try := range countTries {
		rating, err := s.rating(ctx, productID)
		if err != nil {
			return err
		}
		review, err := s.store.Review(ctx, reviewID) // after the rating: see above
		if err != nil || review.UncountedSince == nil {
			return err
		}
		if write, differs := rating.take(review); write {
			var list []outbox.Event
			if differs {
				list = append(list, rating.event(events.Now(s.now)))
			}
			saved, err := s.store.SaveRating(ctx, rating, reviewID, list...)
			if err != nil {
				return err
			}
			if !saved {
				select {
				case <-time.After(rand.N(time.Duration(min(try+1, 16)) * time.Millisecond)):
				case <-ctx.Done():
					return ctx.Err()
				}
				continue
			}
		}
		if done, err := s.settle(ctx, review); done || err != nil {
			return err
		}
	}
	return errs.New(errs.Unavailable, "too many at once are changing this rating; try again")
}

// settle notes on the review that it is counted as it was read, and reports whether that is all.
func (s *Service) settle(ctx context.Context, counted Review) (bool, error) {
	now, err := s.store.UpdateReview(ctx, counted.ID, func(r *Review) ([]outbox.Event, error) {
		if r.CountedSeq < counted.Seq {
			r.Counted, r.CountedSeq = counted.Stars(), counted.Seq
		}
		if r.CountedSeq == r.Seq {
			r.UncountedSince = nil
		}
		return nil, nil
	})
	if err != nil {
		return false, err
	}
	return now.UncountedSince == nil, s.store.Unmark(ctx, counted.ProductID, counted.ID, counted.Seq)
}

func (s *Service) rating(ctx context.Context, productID string) (Rating, error) {
	found, err := s.Ratings(ctx, []string{productID})
	return found[productID], err
}

// Ratings returns the rating of each product, also of those without reviews.
func (s *Service) Ratings(ctx context.Context, productIDs []string) (map[string]Rating, error) {
	found, err := s.store.Ratings(ctx, productIDs)
	if err != nil {
		return nil, err
	}
	for _, id := range productIDs {
		if r, ok := found[id]; !ok {
			found[id] = NoRating(id)
		} else if r.Marks == nil {
			r.Marks = map[string]Mark{}
			found[id] = r
		}
	}
	return found, nil
}
