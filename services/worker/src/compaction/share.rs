//! Which inputs go into which file.

use std::ops::Range;

/// Cuts inputs of these sizes, in order, into shares of about equal size, each about `target` large. There is no small rest, or
/// what it holds would be compacted for ever.
pub(super) fn shares(sizes: &[u64], target: u64) -> Vec<Range<usize>> {
    let (total, target) = (sizes.iter().sum::<u64>(), target.max(1));
    let count = ((total + target / 2) / target).max(1);
    let (mut shares, mut begin, mut passed) = (Vec::new(), 0, 0);
    for (at, size) in sizes.iter().enumerate() {
        passed += size;
        let due = u128::from(total) * (shares.len() as u128 + 1) / u128::from(count);
        if u128::from(passed) >= due && at + 1 < sizes.len() && (shares.len() as u64) + 1 < count {
            shares.push(begin..at + 1);
            begin = at + 1;
        }
    }
    shares.push(begin..sizes.len());
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(sizes: &[u64], target: u64) -> Vec<u64> {
        let shares = shares(sizes, target);
        let joined: Vec<usize> = shares.iter().cloned().flatten().collect();
        assert_eq!(joined, (0..sizes.len()).collect::<Vec<_>>(), "each input once, in order");
        shares.into_iter().map(|share| sizes[share].iter().sum()).collect()
    }

    #[test]
    fn what_fits_one_file_becomes_one() {
        assert_eq!(sums(&[10; 25], 200), [250]);
        assert_eq!(sums(&[], 200), [0]);
        assert_eq!(sums(&[0, 0], 200), [0]);
    }

    #[test]
    fn shares_are_about_equal_and_none_is_small() {
        assert_eq!(sums(&[10; 45], 200), [230, 220]);
        for count in 1..200 {
            let sums = sums(&vec![7; count], 200);
            let (least, most) = (sums.iter().min(), sums.iter().max());
            assert!(most <= Some(&307), "{sums:?}");
            assert!(sums.len() == 1 || least >= Some(&133), "{sums:?}");
        }
    }

    #[test]
    fn an_input_larger_than_a_file_makes_one_of_its_own() {
        assert_eq!(sums(&[1000, 1, 1], 200).iter().sum::<u64>(), 1002);
        assert!(sums(&[1000, 1, 1], 200).len() <= 3);
    }
}
