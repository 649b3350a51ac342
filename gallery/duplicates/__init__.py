"""Photos of a library that look alike: finding them, proposing which one to keep, and doing what people decide.

pairs, grouping  pure: which hashes and moments are near, and how pairs become groups
looks            a second look at the small pictures of near pairs
finding          the background run over what is new, which writes groups for people to review
worth            what else speaks for a photo; other apps register what they know
best             which photo of a group to keep, and why, in words
deciding         keep one, keep all, and taking either back; `bulk` for many at once
review           what the pages show
"""

NAME = "duplicates"  # of the receipts
