extension PretrainingPlan {
    /// The rounds that produced `Models/emoji-clip`, each starting from the weights of the previous one.
    ///
    /// From easy pictures to hard ones, then hard ones only, and finally pictures that look like regions of scenes. The
    /// first four were computed in bfloat16.
    static let rounds: [PretrainingPlan] = {
        var first = PretrainingPlan()
        first.usesBFloat16 = true
        var second = first
        (second.seed, second.textSteps, second.curriculum) = (2, 0, 0)
        (second.smallPictures, second.others) = (0.25, 0.4)
        var third = second
        (third.seed, third.smallPictures, third.learningRate) = (3, 0.15, 5e-4)
        var fourth = third
        (fourth.seed, fourth.imageSteps, fourth.jointSteps) = (4, 3_600, 250)
        (fourth.smallPictures, fourth.regions) = (0.1, 0.5)
        var fifth = fourth
        (fifth.seed, fifth.imageSteps, fifth.jointSteps, fifth.usesBFloat16) = (5, 4_200, 0, false)
        (fifth.smallPictures, fifth.others, fifth.regions) = (0.05, 0.3, 0.7)
        var sixth = fifth
        (sixth.seed, sixth.imageSteps, sixth.regions) = (6, 5_000, 0.8)
        var seventh = sixth
        seventh.seed = 7
        var eighth = seventh
        eighth.seed = 8
        return [first, second, third, fourth, fifth, sixth, seventh, eighth]
    }()
}
